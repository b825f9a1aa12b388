"""What must hold of the app's raw tables, of the features and of a candidate before it is published.

Belongs here: suites written in code, and running them on a frame or a table. Not here: Dagster, models, publishing,
or anything that changes a row. Whoever calls gets a `ValidationOutcome`; what checked the rows stays inside `runner`.
"""
