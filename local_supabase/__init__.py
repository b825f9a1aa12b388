"""Stand-in for the app's database on one's own machine: a real Postgres, the app's raw tables, data to fill them.

Nothing here runs in production, and nothing here imports the rest of the project.
"""
