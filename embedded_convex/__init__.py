"""The embedded Convex: runs any convex/ folder on one SQLite file, in a Node program."""
