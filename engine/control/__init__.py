"""What an engine does for its callers, subject by subject."""
