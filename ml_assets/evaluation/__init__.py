"""Metrics that do not know which model they measure."""
