"""Recordings of runs: what the model was sent and sent, and what a run was told besides."""
