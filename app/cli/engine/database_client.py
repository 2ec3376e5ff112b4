"""The engine as the commands reach it on PostgreSQL: no API in between."""

from collections.abc import Mapping
from typing import Any

from app.cli.engine.client import Json, page_size
from app.identity.local_user import OWNER
from app.services.engine import EngineAccess
from app.wire.events import EventPage, EventSent, field_of
from app.wire.jobs import JobsAnswer, PauseAnswer
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
        wanted = RunFilter(job_id=which["job"], status=status, field=_field(which), text=which["q"])
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
            found += [_json(event) for event in EventPage.of(page, for_operator=True).events]
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

    async def rerun(self, run_id: str, from_step: str | None, data: Json | None) -> Json:
        """Repeat a run that has ended, from its start or a step, with its event or other data."""
        new_id = await self._engine.rerun(run_id, from_step_id=from_step, data=data)
        return _json(RunReplayed(run_id=new_id))

    async def jobs(self) -> list[Json]:
        """What jobs there are, and how they stand."""
        jobs = JobsAnswer.of(await self._engine.jobs(), for_operator=True)
        return [_json(job) for job in jobs.jobs]

    async def pause(self, job_id: str) -> Json:
        """Let no run of a job start."""
        return _json(PauseAnswer(changed=await self._engine.pause(job_id)))

    async def resume(self, job_id: str) -> Json:
        """Let runs of a job start again."""
        return _json(PauseAnswer(changed=await self._engine.resume(job_id)))


def _field(which: Mapping[str, str | None]) -> tuple[str, Any] | None:
    field = which["field"]
    return None if field is None else field_of(field)


def _json(answer: Answer) -> Json:
    return answer.model_dump(mode="json", by_alias=True, exclude_none=True)
