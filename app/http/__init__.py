"""The HTTP API: a module or folder for each noun, and what all of them stand in."""
