"""Commands that look at an engine and act on it."""
