"""No import, export or generation stays open when no run is going to end it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest

from core.clock import ManualClock, SystemClock
from core.ids import OwnerId, ProjectId
from engine import Engine, JobContext, SqliteDatabase, job
from engine.inspection import Page, RunFilter, RunSummary
from jobs.events import ExportRequested, GenerateRequested, ImportRequested, engine_event
from jobs.reap_requests import RequestReaper
from jobs.reaping import ReapTimes
from store import Store
from store.records import OutboxEvent

pytestmark = pytest.mark.timeout(60)

Kind = Literal["import", "export", "generation"]
TIMES = ReapTimes()
OPEN = ("open", None)
LOST = ("failed", "run_lost")


@dataclass
class Work:
    """What the job of this test does: it waits for `may_end`, and writes nothing."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    may_end: asyncio.Event = field(default_factory=asyncio.Event)


@job("forgetful", on=[ImportRequested, ExportRequested, GenerateRequested])
async def forgetful(ctx: JobContext[Any]) -> None:
    work = ctx.need(Work)

    async def wait() -> None:
        work.begun.set()
        await work.may_end.wait()

    await ctx.step.run("wait", wait)


@dataclass(frozen=True)
class Asked:
    """Something that was asked for, and whose event is in the outbox."""

    store: Store
    owner: OwnerId
    kind: Kind
    project_id: ProjectId
    event: OutboxEvent

    async def status(self) -> tuple[str, str | None]:
        if self.kind == "generation":
            found = await self.store.generating.latest(self.project_id, owner=self.owner)
            assert found is not None
            status = str(found.status)
        else:
            (found,) = await self.store.transfers.latest(self.project_id, owner=self.owner)
            status = found.status
        return "open" if status in {"processing", "running"} else status, found.error_code

    async def taken(self) -> None:
        """As the relay does once the engine has the event."""
        await self.store.outbox.ack(self.event.event_id)


@pytest.fixture(params=["import", "export", "generation"])
async def asked(request: pytest.FixtureRequest, store: Store, owner: OwnerId) -> Asked:
    kind: Kind = request.param
    if kind == "import":
        imported = await store.transfers.request_import(
            owner=owner, name="P", event="github/import.requested", data={"repository": "o/r"}
        )
        project_id, events = imported.project.project_id, imported.events
    elif kind == "export":
        project_id = (await store.projects.create(owner=owner, name="P")).project_id
        data = {"repository": "o/r", "message": "m", "mayCreate": False}
        events = (await store.transfers.request_export(project_id, owner=owner, data=data)).events
    else:
        made = await store.generating.request(
            owner=owner, name="P", description="d" * 20, stack="next"
        )
        project_id, events = made.generation.project_id, made.events
    return Asked(store, owner, kind, project_id, events[0])


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
async def engine(work: Work, tmp_path: Path) -> AsyncIterator[Engine]:
    database = SqliteDatabase(tmp_path / "engine.sqlite")
    async with Engine(jobs=[forgetful], database=database, provide=[work], grace_s=0.1) as engine:
        yield engine


def later() -> ManualClock:
    """An hour from now: everything has been silent for long."""
    return ManualClock(SystemClock().now() + timedelta(hours=1))


def silent_since(moment: datetime) -> ManualClock:
    """When what was last heard of before this moment counts as silent, and nothing later does."""
    return ManualClock(moment + timedelta(seconds=TIMES.silent_s))


@pytest.fixture
def reaper(store: Store, engine: Engine) -> RequestReaper:
    return RequestReaper(store, engine.inspect, later(), TIMES)


async def test_one_whose_run_is_gone_is_closed(asked: Asked, reaper: RequestReaper) -> None:
    await asked.taken()
    await reaper.sweep()
    assert await asked.status() == LOST
    project = await asked.store.projects.owned(asked.project_id, owner=asked.owner)
    shown = {"import": project.import_status, "export": project.export_status}
    assert shown.get(asked.kind, "failed") == "failed"


async def test_one_whose_run_is_alive_is_left_alone_and_noted(
    asked: Asked, engine: Engine, reaper: RequestReaper, work: Work
) -> None:
    await engine.send(engine_event(asked.event))
    await asked.taken()
    await work.begun.wait()
    before = SystemClock().now()
    await reaper.sweep()
    assert await asked.status() == OPEN
    silent = await asked.store.requests.stale(before=before)
    assert asked.event.event_id not in {request.event_id for request in silent}


async def test_one_whose_event_is_on_its_way_is_left_to_the_relay(
    asked: Asked, reaper: RequestReaper
) -> None:
    await reaper.sweep()
    assert await asked.status() == OPEN


async def test_one_whose_event_the_engine_refuses_is_closed(
    asked: Asked, reaper: RequestReaper
) -> None:
    await asked.store.outbox.set_aside(asked.event.event_id, error="refused")
    await reaper.sweep()
    assert await asked.status() == LOST


async def test_a_run_that_ended_without_a_word_is_given_a_moment(
    asked: Asked, engine: Engine, work: Work
) -> None:
    started = await engine.send(engine_event(asked.event))
    await asked.taken()
    await work.begun.wait()
    before_its_end = SystemClock().now()
    work.may_end.set()
    await engine.wait(started.run_ids[0], 30)
    soon = RequestReaper(asked.store, engine.inspect, silent_since(before_its_end), TIMES)
    await soon.sweep()
    assert await asked.status() == OPEN
    await RequestReaper(asked.store, engine.inspect, later(), TIMES).sweep()
    assert await asked.status() == LOST


async def test_what_is_not_silent_is_not_looked_at(asked: Asked, engine: Engine) -> None:
    await asked.taken()
    await RequestReaper(asked.store, engine.inspect, SystemClock(), TIMES).sweep()
    assert await asked.status() == OPEN


class Broken:
    """An inspection with a bug, for the runs of one event."""

    def __init__(self, engine: Engine, event_id: str) -> None:
        self._engine = engine
        self._event_id = event_id

    async def runs(self, which: RunFilter | None = None, *, limit: int = 50) -> Page[RunSummary]:
        assert which is not None
        if which.event_id == self._event_id:
            raise RuntimeError("a bug")
        return await self._engine.inspect.runs(which, limit=limit)


async def test_one_that_cannot_be_looked_at_is_reported_and_stops_no_other(
    asked: Asked, store: Store, engine: Engine, owner: OwnerId, caplog: pytest.LogCaptureFixture
) -> None:
    made = await store.generating.request(owner=owner, name="O", description="d" * 20, stack="next")
    other = Asked(store, owner, "generation", made.generation.project_id, made.events[0])
    for each in (asked, other):
        await each.taken()
    await RequestReaper(store, Broken(engine, asked.event.event_id), later(), TIMES).sweep()
    assert [await asked.status(), await other.status()] == [OPEN, LOST]
    (report,) = [line for line in caplog.records if line.message == "request_set_aside"]
    assert report.exc_info is not None
