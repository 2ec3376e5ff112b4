"""Which files of a project matter for a question: an index of words, imports and history."""
