"""How many requests one person may make, so that nobody slows the others."""
