"""From a candidate on disk to the tables that the app reads: contract, gate, one transaction. No Dagster in it.

Belongs here: what a published table holds, how a candidate is kept, and how it replaces what is live.
Not here: how its rows are computed, and what is expected of them (that is injected).
"""
