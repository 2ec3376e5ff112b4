"""The engine as the commands reach it on PostgreSQL: no API in between."""

from collections.abc import Mapping
from typing import Any

from app.cli.engine.client import Json, page_size
from app.identity.local_user import OWNER
from app.services.engine import EngineAccess
from app.wire.events import EventPage, EventSent, field_of
from app.wire.runs import RunCancelledAnswer, RunDetailAnswer, RunPage, RunReplayed
from app.wire.shapes import Answer
from engine.inspection import EventFilter, RunFilter


class DatabaseClient:
    """Straight in the database that the processes share."""

    def __init__(self, engine: EngineAccess) -> None:
        self._engine = engine

    async def runs(self, which: Mapping[str, str | None], limit: int) -> list[Json]:
        """Runs, newest first."""
        found: list[Json] = []
        cursor: str | None = None
        status: Any = which["status"]
        wanted = RunFilter(job_id=which["job"], status=status, field=_field(which))
        while len(found) < limit:
            page = await self._engine.runs(
                wanted, owner=OWNER, limit=page_size(limit, found), cursor=cursor
            )
            found += [_json(run) for run in RunPage.of(page, for_operator=True).runs]
            cursor = page.next_cursor
            if cursor is None:
                break
        return found

    async def run(self, run_id: str) -> Json:
        """One run with its steps."""
        run = await self._engine.run(run_id, owner=OWNER)
        return _json(RunDetailAnswer.of_detail(run, for_operator=True))

    async def events(self, which: Mapping[str, str | None], limit: int) -> list[Json]:
        """Events, last received first."""
        found: list[Json] = []
        cursor: str | None = None
        wanted = EventFilter(name=which["name"], field=_field(which))
        while len(found) < limit:
            page = await self._engine.events(
                wanted, owner=OWNER, limit=page_size(limit, found), cursor=cursor
            )
            found += [_json(event) for event in EventPage.of(page).events]
            cursor = page.next_cursor
            if cursor is None:
                break
        return found

    async def send(self, name: str, data: Json, event_id: str | None) -> Json:
        """Send an event."""
        sent = await self._engine.send(name, data, owner=OWNER, event_id=event_id)
        return _json(EventSent.of(sent))

    async def cancel(self, run_id: str) -> Json:
        """Cancel a run."""
        cancelled = await self._engine.cancel(run_id, owner=OWNER)
        return _json(RunCancelledAnswer(cancelled=cancelled))

    async def replay(self, run_id: str) -> Json:
        """Repeat a failed or cancelled run from where it failed."""
        return _json(RunReplayed(run_id=await self._engine.replay(run_id)))


def _field(which: Mapping[str, str | None]) -> tuple[str, Any] | None:
    field = which["field"]
    return None if field is None else field_of(field)


def _json(answer: Answer) -> Json:
    return answer.model_dump(mode="json", by_alias=True, exclude_none=True)
