"""Dagster assets, one module a stage. Each function is thin: read, call the pure part, write, report."""
