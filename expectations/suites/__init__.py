"""The suites, by what they are about. A suite says what must hold; `bounds` says within which numbers."""
