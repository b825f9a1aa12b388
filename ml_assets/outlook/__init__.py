"""What is likely in the coming weeks: completion, struggling subjects, falling silent, readiness for exams."""
