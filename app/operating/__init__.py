"""What operators do with a whole installation: look whether all of it is there, keep a copy."""
