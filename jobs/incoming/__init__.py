"""Files that come into a project from outside: which of them may, and how they are written."""
