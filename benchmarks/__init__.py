"""Long measurements, by hand: each says what it measured, on how much, and beside what alternative."""
