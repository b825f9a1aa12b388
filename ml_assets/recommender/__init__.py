"""What to study next: from features as of a cut-off to ranked contents with reasons."""
