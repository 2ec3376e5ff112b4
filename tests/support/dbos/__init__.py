"""Rows of DBOS that tests write and read past the engine."""
