"""Rehearsals: a recorded run gone through with the code of today."""
