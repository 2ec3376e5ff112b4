"""Which command lines may run: judged by what they would run, not by how they begin."""
