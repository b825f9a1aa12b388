"""Early warnings: what staff should look at this week, raised seldom, kept steady, and judged by what came of it."""
