"""Test jobs without a database and without waiting; like `@inngest/test`."""

from engine.testing.engine import Outcome, TestEngine
from engine.testing.given import After, BadTest, Signal

__all__ = ["After", "BadTest", "Outcome", "Signal", "TestEngine"]
