"""Score prediction: what a student will reach in the next exam, with an interval that keeps its word."""
