"""The main job on real input, seen from outside: processes, HTTP, the official Convex client."""
