"""What an event sets in motion: runs, cancels, and the rules about who may start."""
