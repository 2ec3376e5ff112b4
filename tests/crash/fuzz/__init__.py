"""The crash fuzzer: random jobs, processes that die at random, and what must hold all the same."""
