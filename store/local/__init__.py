"""The embedded Convex: a Node program that runs any convex/ folder on one SQLite file, and its launcher."""
