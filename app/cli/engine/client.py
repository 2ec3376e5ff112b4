"""What the commands ask of an engine, wherever it is: the port that both ways to it have."""

from collections.abc import Mapping
from typing import Any, Protocol

Json = dict[str, Any]


class EngineClient(Protocol):
    """What the commands do, in the shapes of the HTTP API."""

    async def runs(self, which: Mapping[str, str | None], limit: int) -> list[Json]:
        """Runs, newest first."""
        ...

    async def run(self, run_id: str) -> Json:
        """One run with its steps."""
        ...

    async def events(self, which: Mapping[str, str | None], limit: int) -> list[Json]:
        """Events, last received first."""
        ...

    async def send(self, name: str, data: Json, event_id: str | None) -> Json:
        """Send an event."""
        ...

    async def cancel(self, run_id: str) -> Json:
        """Cancel a run."""
        ...

    async def replay(self, run_id: str) -> Json:
        """Repeat a failed or cancelled run from where it failed."""
        ...

    async def rerun(self, run_id: str, from_step: str | None, data: Json | None) -> Json:
        """Repeat a run that has ended, from its start or a step, with its event or other data."""
        ...

    async def jobs(self) -> list[Json]:
        """What jobs there are, and how they stand."""
        ...

    async def pause(self, job_id: str) -> Json:
        """Let no run of a job start."""
        ...

    async def resume(self, job_id: str) -> Json:
        """Let runs of a job start again."""
        ...


def page_size(limit: int, found: list[Json]) -> int:
    """How many more to ask for at once."""
    return min(200, limit - len(found))
