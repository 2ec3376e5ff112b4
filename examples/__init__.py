"""Whole programs on the engine; each is run by a test."""
