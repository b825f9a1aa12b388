"""Learning patterns: when, how long and how well a student studies, and how much of that is sure."""
