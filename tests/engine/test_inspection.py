"""Looking at runs and steps; sweeping old ones."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from dbos._schemas import SCHEMA_PLACEHOLDER

from core.clock import ManualClock
from engine import CancelOn, Database, Event, JobContext, NoSuchRun, job
from engine.inspection import BadCursor, EventFilter, Inspection, NoSuchEvent, RunFilter
from engine.inspection.events import events_query
from engine.inspection.metrics import Spread, ended_query, spread
from engine.inspection.pages import SCAN_ROWS
from engine.inspection.runs import runs_query
from engine.storage import tables
from tests.engine.conftest import Start
from tests.engine.things import QUICK, Asked, Withdrawn, beside, until_waiting
from tests.support.dbos.rows import RUNS as RUNS_TABLE
from tests.support.dbos.rows import put_ended


@job("seen", on=Asked, retries=QUICK)
async def seen(ctx: JobContext[Asked]) -> int:
    async def flaky() -> int:
        if ctx.attempt == 0:
            raise ConnectionError("first time")
        return 5

    async def fine() -> str:
        return ctx.event.data.text

    await ctx.step.run("fine", fine)
    return await ctx.step.run("flaky", flaky)


async def test_steps_show_their_results_and_failed_attempts(start: Start) -> None:
    engine = await start([seen])
    sent = await engine.send(Asked(text="hello"))
    await engine.wait(sent.run_ids[0], 5)
    fine, flaky = await engine.steps(sent.run_ids[0])
    assert (fine.step_id, fine.result, fine.failed) == ("fine", "hello", ())
    assert (flaky.step_id, flaky.result) == ("flaky", 5)
    [failed] = flaky.failed
    assert (failed.attempt, failed.error_name, failed.error_message) == (
        0,
        "ConnectionError",
        "first time",
    )
    assert flaky.started_at is not None
    assert flaky.ended_at is not None
    assert flaky.started_at <= failed.failed_at <= flaky.ended_at


async def test_runs_are_listed_newest_first_by_job_and_status(start: Start) -> None:
    @job("other", on=Asked)
    async def other(ctx: JobContext[Asked]) -> None:
        await ctx.step.sleep("long", "1h")

    engine = await start([seen, other])
    first = await engine.send(Asked(text="1"))
    await engine.wait(f"seen:{first.event_id}", 5)
    second = await engine.send(Asked(text="2"))
    await engine.wait(f"seen:{second.event_id}", 5)
    listed = [run.run_id for run in await engine.runs(job_id="seen")]
    assert listed == [f"seen:{second.event_id}", f"seen:{first.event_id}"]
    assert {run.job_id for run in await engine.runs(status="running")} == {"other"}
    assert {run.job_id for run in await engine.runs(status="completed")} == {"seen"}
    assert len(await engine.runs(limit=3)) == 3


async def test_old_runs_are_swept_and_running_ones_stay(start: Start) -> None:
    @job("stays", on=Asked)
    async def stays(ctx: JobContext[Asked]) -> None:
        await ctx.step.sleep("long", "52w")

    clock = ManualClock(datetime.now(UTC))  # noqa: TID251 - DBOS stamps rows with the real time
    engine = await start([seen, stays], clock=clock, retention="2d")
    sent = await engine.send(Asked())
    ended, running = f"seen:{sent.event_id}", f"stays:{sent.event_id}"
    async with asyncio.timeout(5):
        while not (await engine.run(ended)).has_ended:
            clock.advance(0.05)  # the flaky step backs off by the clock of the engine
            await asyncio.sleep(0.005)
    clock.advance(24 * 3600)
    await engine.sweep()
    assert (await engine.run(ended)).status == "completed"
    clock.advance(48 * 3600)
    await engine.sweep()
    with pytest.raises(NoSuchRun):
        await engine.run(ended)
    assert (await engine.run(running)).status == "running"


async def all_pages(inspect: Inspection, which: RunFilter, limit: int) -> list[list[str]]:
    pages: list[list[str]] = []
    cursor: str | None = None
    while True:
        page = await inspect.runs(which, limit=limit, cursor=cursor)
        pages.append([run.run_id for run in page.items])
        if page.next_cursor is None:
            return pages
        cursor = page.next_cursor


@job("asleep", on=Withdrawn)
async def asleep(ctx: JobContext[Withdrawn]) -> None:
    await ctx.step.wait_for_event("answer", Asked, timeout="1h", match="data.questionId")


@job("broken", on="test/broken", retries=0)
async def broken(ctx: JobContext[Any]) -> None:
    async def fails() -> None:
        raise LookupError("no such book")

    await ctx.step.run("look-up", fails)


async def test_pages_of_runs_hold_each_once_newest_first(start: Start) -> None:
    engine = await start([seen])
    sent = await engine.send_many([Asked(text=str(number)) for number in range(7)])
    for one in sent:
        await engine.wait(one.run_ids[0], 10)
    pages = await all_pages(engine.inspect, RunFilter(job_id="seen"), 3)
    assert [len(page) for page in pages] == [3, 3, 1]
    listed = [run_id for page in pages for run_id in page]
    assert set(listed) == {one.run_ids[0] for one in sent}
    times = [(await engine.run(run_id)).created_at for run_id in listed]
    assert times == sorted(times, reverse=True)
    with pytest.raises(BadCursor):
        await engine.inspect.runs(cursor="'; drop table engine_run")


async def test_runs_are_found_by_status_event_field_user_time_and_event(start: Start) -> None:
    engine = await start([seen, broken])
    ada = await engine.send(Asked(question_id="q7", text="a"), user={"id": "ada"})
    bob = await engine.send(Asked(question_id="q8", text="b"), user={"id": "bob"})
    bad = await engine.send(Event("test/broken", {"deep": {"n": 1}}))
    for one in (ada, bob, bad):
        await engine.wait(one.run_ids[0], 10)

    async def found(**which: Any) -> list[str]:
        page = await engine.inspect.runs(RunFilter(**which))
        assert page.next_cursor is None
        return [run.run_id for run in page.items]

    assert await found(status="failed") == list(bad.run_ids)
    assert await found(field=("data.questionId", "q7")) == list(ada.run_ids)
    assert await found(field=("data.deep.n", 1)) == list(bad.run_ids)
    assert await found(field=("data.deep.n", "1")) == []
    assert await found(user_id="bob") == list(bob.run_ids)
    assert await found(user_id="bob", status="failed") == []
    assert await found(user_id="eve") == []
    assert await found(event_id=ada.event_id) == list(ada.run_ids)
    created = (await engine.run(bad.run_ids[0])).created_at
    assert await found(job_id="broken", since=created) == list(bad.run_ids)
    assert await found(job_id="broken", until=created) == []
    [failed] = (await engine.inspect.runs(RunFilter(status="failed"))).items
    assert failed.event_name == "test/broken"
    assert "no such book" in str(failed.error)


async def test_a_run_shows_its_steps_waits_children_and_owner(start: Start) -> None:
    @job("parent", on="test/parent")
    async def parent(ctx: JobContext[Any]) -> None:
        await ctx.step.invoke("child", asleep, Withdrawn(question_id="q1"))

    engine = await start([parent, asleep])
    sent = await engine.send(Event("test/parent", user={"id": "ada"}))
    [run_id] = sent.run_ids
    child = f"{run_id}:child"

    async with asyncio.timeout(10):
        while not (await engine.inspect.waits()).items:  # noqa: ASYNC110 - a row appears
            await asyncio.sleep(0.01)
    detail = await engine.inspect.run(run_id)
    assert detail.children == (child,)
    assert detail.user_id == "ada"
    assert detail.event is not None
    assert detail.event.name == "test/parent"
    below = await engine.inspect.run(child)
    assert below.parent_run_id == run_id
    assert below.user_id == "ada"  # what a run invokes belongs to whom the run belongs
    [wait] = below.waits
    assert (wait.event_name, wait.match) == ("test/asked", ("data.questionId", "q1"))
    assert (await engine.inspect.waits()).items == (wait,)
    [queue, other] = await engine.inspect.queues()
    assert (queue.job_id, queue.running, queue.queued) == ("asleep", 1, 0)
    assert other.job_id == "parent"
    with pytest.raises(NoSuchRun):
        await engine.inspect.run("none")


async def test_events_show_what_they_started(start: Start) -> None:
    engine = await start([seen])
    asked = await engine.send(Asked(text="x"), user={"id": "ada"})
    unknown = await engine.send(Event("nobody/listens", {"n": 1}))
    shown = await engine.inspect.events(EventFilter(name="nobody/listens"))
    assert [(info.event.id, info.run_ids) for info in shown.items] == [(unknown.event_id, ())]
    [mine] = (await engine.inspect.events(EventFilter(user_id="ada"))).items
    assert (mine.event.id, mine.run_ids, mine.user_id) == (asked.event_id, asked.run_ids, "ada")
    by_field = await engine.inspect.events(EventFilter(field=("data.n", 1)))
    assert [info.event.id for info in by_field.items] == [unknown.event_id]
    assert (await engine.inspect.event(asked.event_id)).event.data["text"] == "x"
    with pytest.raises(NoSuchEvent):
        await engine.inspect.event("none")


async def test_metrics_count_what_ended_in_the_window(start: Start) -> None:
    engine = await start([seen, broken])
    began = datetime.now(UTC)  # noqa: TID251 - DBOS stamps rows with the real time
    sent = [await engine.send(Asked(text="x"), user={"id": "ada"})]
    sent += [await engine.send(Event("test/broken")) for _ in range(2)]
    for one in sent:
        await engine.wait(one.run_ids[0], 10)
    since = began - timedelta(minutes=1)
    bad, good = await engine.inspect.metrics(since)
    assert (bad.job_id, bad.failed, bad.success_rate) == ("broken", 2, 0.0)
    assert (good.job_id, good.completed, good.success_rate) == ("seen", 1, 1.0)
    assert good.duration is not None
    assert 0 < good.duration.p50_ms <= good.duration.p95_ms < 10_000
    assert 0 < good.per_minute <= 1
    assert [one.job_id for one in await engine.inspect.metrics(since, user_id="ada")] == ["seen"]
    assert [one.job_id for one in await engine.inspect.metrics(since, job_id="broken")] == [
        "broken"
    ]
    assert await engine.inspect.metrics(began + timedelta(hours=1)) == []


def test_percentiles_are_by_nearest_rank() -> None:
    assert spread(range(1, 101)) == Spread(50, 95)
    assert spread([7]) == Spread(7, 7)
    assert spread([]) is None


async def test_a_rare_status_is_found_behind_many_runs_page_by_page(
    start: Start, database: Database
) -> None:
    engine = await start([broken])
    bad = await engine.send(Event("test/broken", {"n": 1}))
    await engine.wait(bad.run_ids[0], 10)
    with beside(database) as connection:
        fill(connection, RUNS)
    which = RunFilter(status="failed")
    pages = await all_pages(engine.inspect, which, 10)
    assert [run_id for page in pages for run_id in page] == list(bad.run_ids)
    assert len(pages) <= RUNS // SCAN_ROWS + 1


async def test_with_20_000_runs_every_list_is_read_from_an_index(
    start: Start, database: Database
) -> None:
    engine = await start([broken])
    with beside(database) as connection:
        fill(connection, RUNS)
    after = (2_000_000_000_000, "zzz")
    filters = [
        RunFilter(),
        RunFilter(job_id="old"),
        RunFilter(user_id="ada"),
        RunFilter(event_id="evt5"),
    ]
    queries = [runs_query(which, after, 51) for which in filters]
    queries += [
        events_query(which, after, 51)
        for which in (EventFilter(), EventFilter(name="old/one"), EventFilter(user_id="ada"))
    ]
    queries.append(ended_query(1_000 + RUNS - 50, None, None))
    with beside(database) as connection:
        plans = [plan_of(connection, query) for query in queries]
    for plan in plans:
        for table in ("engine_run", "engine_event", "engine_owned", RUNS_TABLE):
            assert not re.search(rf"SCAN {table}$|Seq Scan on {table}\b", plan, re.MULTILINE), plan
    page = await engine.inspect.runs(RunFilter(user_id="ada"), limit=10)
    assert [run.run_id for run in page.items][:2] == [f"old:{RUNS - 1:06}", f"old:{RUNS - 2:06}"]


RUNS = 20_000


def fill(connection: sa.Connection, count: int) -> None:
    """Runs that ended long ago, one per event, of two users."""
    at = {number: 1_000 + number for number in range(count)}
    runs = [
        {"run_id": f"old:{n:06}", "job_id": "old", "event_id": f"evt{n}", "created_at": at[n]}
        for n in at
    ]
    events = [
        {
            "id": f"evt{n}",
            "name": "old/one" if n % 100 == 0 else "old/other",
            "body": '{"data":{},"user":{"id":"ada"}}',
            "ts": at[n],
            "received_at": at[n],
        }
        for n in at
    ]
    owned = [
        {"kind": kind, "id": row_id, "user_id": "ada" if n % 2 == 1 or n > count - 9 else "bob"}
        | {"at": at[n]}
        for n in at
        for kind, row_id in (("run", f"old:{n:06}"), ("event", f"evt{n}"))
    ]
    for table, rows in (
        (tables.run, runs),
        (tables.event, events),
        (tables.owned, owned),
    ):
        connection.execute(sa.insert(table), rows)
    put_ended(connection, {f"old:{n:06}": at[n] for n in at})
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("ANALYZE"))


def plan_of(connection: sa.Connection, query: sa.Select[Any]) -> str:
    """What the database would do."""
    text = str(query.compile(connection, compile_kwargs={"literal_binds": True}))
    is_postgres = connection.dialect.name == "postgresql"
    text = text.replace(f"{SCHEMA_PLACEHOLDER}.", "dbos." if is_postgres else "")
    explain = "EXPLAIN " if is_postgres else "EXPLAIN QUERY PLAN "
    return "\n".join(str(row[-1]) for row in connection.execute(sa.text(explain + text)))


async def test_an_event_tells_which_waits_it_ended_and_what_it_cancelled(start: Start) -> None:
    @job("waits", on=Asked)
    async def waits(ctx: JobContext[Asked]) -> None:
        await ctx.step.wait_for_event("answer", "test/answered", timeout=60)

    @job("works", on=Asked, cancel_on=[CancelOn(Withdrawn, match="data.questionId")])
    async def works(ctx: JobContext[Asked]) -> None:
        await ctx.step.sleep("long", "1h")

    engine = await start([waits, works])
    asked = await engine.send(Asked(question_id="q7"), user={"id": "ada"})
    waiting, working = f"waits:{asked.event_id}", f"works:{asked.event_id}"
    await until_waiting(engine, waiting)
    answered = await engine.send(Event("test/answered", {}))
    withdrawn = await engine.send(Withdrawn(question_id="q7"))
    await engine.wait(waiting, 5)
    ended = await engine.inspect.effects(answered.event_id)
    assert [(run.run_id, run.status, step) for run, step in ended.ended_waits] == [
        (waiting, "completed", "answer")
    ]
    assert ended.cancelled == ()
    assert await engine.inspect.effects(answered.event_id, user_id="ada") == ended
    assert (await engine.inspect.effects(answered.event_id, user_id="bob")).ended_waits == ()
    [cancelled] = (await engine.inspect.effects(withdrawn.event_id)).cancelled
    assert (cancelled.run_id, cancelled.job_id, cancelled.status) == (working, "works", "cancelled")
    runs = {run.run_id: run.status for run in (await engine.inspect.event(asked.event_id)).runs}
    assert runs == {waiting: "completed", working: "cancelled"}
