"""What a run is given when it starts: the input of its DBOS workflow, as JSON and as a value."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.ids import RunId
from engine.events import WireEvent
from engine.steps.context import RunError


@dataclass(frozen=True, slots=True)
class FailedRun:
    """A run that has failed for good, and why."""

    run_id: RunId
    error: RunError


@dataclass(frozen=True, slots=True)
class RunPayload:
    """Which job runs, because of which event, and what was decided about it when it was made."""

    job_id: str
    event: WireEvent
    position: int
    """Who comes first under a concurrency key: the smaller number."""
    throttled_by: str | None = None
    """The key whose throttle must let it start; see `intake.throttles`."""
    gathered_by: str | None = None
    """The run that has gathered its events; None where a single one has started it."""
    handles: FailedRun | None = None
    """The run whose failure this one handles; None for an ordinary run."""
    events: tuple[WireEvent, ...] = ()
    """All of a batch, oldest first. They are not stored here: they are read as it begins."""

    def as_json(self) -> dict[str, Any]:
        """The shape that is stored."""
        return {
            "job": self.job_id,
            "kind": "run" if self.handles is None else "failure",
            "event": self.event.as_json(),
            "position": self.position,
            **({} if self.throttled_by is None else {"throttled_by": self.throttled_by}),
            **({} if self.handles is None else _failure_fields(self.handles)),
            **({} if self.gathered_by is None else {"gathered_by": self.gathered_by}),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "RunPayload":
        """The inverse of `as_json`."""
        handles = None
        if stored["kind"] == "failure":
            handles = FailedRun(RunId(stored["failed_run"]), RunError.from_json(stored["error"]))
        return cls(
            job_id=stored["job"],
            event=WireEvent.from_json(stored["event"]),
            position=stored["position"],
            throttled_by=stored.get("throttled_by"),
            gathered_by=stored.get("gathered_by"),
            handles=handles,
        )


def _failure_fields(failed: FailedRun) -> dict[str, Any]:
    return {"failed_run": failed.run_id, "error": failed.error.as_json()}
