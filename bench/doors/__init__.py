"""`make bench SUITE=doors`: what other clients cost and get at their own doors."""
