"""Benches of what others' programs reach us by."""
