"""A support desk: messages come in, an agent reasons, people approve, replies go out."""
