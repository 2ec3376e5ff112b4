"""The states of a run, in the engine's own words."""

from typing import Literal

RunStatus = Literal["scheduled", "queued", "running", "completed", "failed", "cancelled"]

ENDED: frozenset[RunStatus] = frozenset({"completed", "failed", "cancelled"})
