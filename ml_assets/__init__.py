"""Models: frames in, frames out. No Dagster, no SQL, no environment, no clock, no logging of rows."""
