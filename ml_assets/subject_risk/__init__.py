"""How much a student is at risk in a subject group, and which subject groups are weak."""
