"""The only package that imports Dagster (and not in `publishing/`): assets, checks, jobs, and the command line."""
