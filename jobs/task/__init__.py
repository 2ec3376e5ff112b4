"""Sub-agents: a call of an answer that is an answer of its own."""
