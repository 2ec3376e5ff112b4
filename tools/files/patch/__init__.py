"""applyPatch: the patches that Codex writes, from a text to changed files."""
