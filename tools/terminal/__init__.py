"""Commands, and servers that go on running: judged before they start, confined while they run."""
