"""The files of projects on a worker's disk."""
