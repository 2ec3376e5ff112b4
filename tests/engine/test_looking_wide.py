"""Lists by several things at once, counts, texts, what jobs are, and runs over time."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from core.clock import ManualClock
from engine import (
    Concurrency,
    Cron,
    Database,
    Engine,
    Event,
    FailureContext,
    JobContext,
    On,
    Throttle,
    Timeouts,
    job,
)
from engine.inspection import EventFilter, RunFilter
from engine.inspection.runs import counted_query
from engine.inspection.series import (
    TooManyBuckets,
    Window,
    failures_query,
    open_query,
)
from engine.storage import tables
from engine.storage.snapshot import at_one_moment
from engine.triggers import CancelOn
from tests.engine.conftest import Start
from tests.engine.test_inspection import RUNS, fill, plan_of
from tests.engine.things import Asked, Withdrawn, beside
from tests.support.dbos.rows import RUNS as RUNS_TABLE
from tests.support.waiting import until_answered


@job("fine", on=Asked)
async def fine(_: JobContext[Asked]) -> None:
    """Nothing."""


@job("broken", on="test/broken", retries=0)
async def broken(_: JobContext[Any]) -> None:
    raise LookupError("no such book")


@job("asleep", on=Withdrawn)
async def asleep(ctx: JobContext[Withdrawn]) -> None:
    await ctx.step.sleep("long", "1h")


async def three_kinds(engine: Engine) -> tuple[str, str, str]:
    """A run that has completed, one that has failed, and one that sleeps."""
    good = await engine.send(Asked(question_id="q7", text="Größe XL"), user={"id": "ada"})
    bad = await engine.send(Event("test/broken", {"deep": {"list": ["a", {"n": 4711}]}}))
    await engine.wait(good.run_ids[0], 10)
    await engine.wait(bad.run_ids[0], 10)
    open_one = await engine.send(Withdrawn(question_id="q8"))
    async with asyncio.timeout(10):
        while (await engine.run(open_one.run_ids[0])).status != "running":  # noqa: ASYNC110 - a row
            await asyncio.sleep(0.01)
    return good.run_ids[0], bad.run_ids[0], open_one.run_ids[0]


async def found(engine: Engine, **which: Any) -> list[str]:
    page = await engine.inspect.runs(RunFilter(**which))
    assert page.next_cursor is None
    return [run.run_id for run in page.items]


async def test_several_jobs_and_statuses_are_asked_for_at_once(start: Start) -> None:
    engine = await start([fine, broken, asleep])
    good, bad, open_one = await three_kinds(engine)
    assert await found(engine, status={"failed", "running"}) == [open_one, bad]
    assert await found(engine, job_id=["fine", "asleep"]) == [open_one, good]
    assert await found(engine, job_id=["fine", "asleep"], status=["completed"]) == [good]
    assert await found(engine, job_id=["fine"], status="failed") == []
    assert await found(engine, status=[]) == []


async def test_a_text_is_found_in_ids_names_and_values_of_events(start: Start) -> None:
    engine = await start([fine, broken, asleep])
    good, bad, open_one = await three_kinds(engine)
    assert await found(engine, text="größe xl") == [good]
    assert await found(engine, text="471") == [bad]
    assert await found(engine, text="ASLEEP") == [open_one]
    assert await found(engine, text="test/with") == [open_one]
    assert await found(engine, text="questionId") == []  # a name of a field is no value
    assert await found(engine, text="q7", user_id="eve") == []
    assert await found(engine, text="q", status="completed") == [good]
    events = await engine.inspect.events(EventFilter(text="größe"))
    assert [f"fine:{info.event.id}" for info in events.items] == [good]


async def test_nobody_finds_their_run_by_the_text_of_an_error(start: Start) -> None:
    async def close(_: FailureContext[Asked]) -> None:
        """Nothing."""

    @job("fails", on=Asked, retries=0, on_failure=close)
    async def fails(_: JobContext[Asked]) -> None:
        raise LookupError("no such book")

    engine = await start([fails])
    run_id = (await engine.send(Asked(text="mine"), user={"id": "ada"})).run_ids[0]

    async def is_handled() -> bool:
        return await found(engine, status="completed") == [f"{run_id}:on-failure"]

    await until_answered(is_handled)
    inside = ("data.error.message", "no such book")
    assert await found(engine, text="such book") == [f"{run_id}:on-failure"]
    assert await found(engine, field=inside) == [f"{run_id}:on-failure"]
    assert await found(engine, text="such book", user_id="ada") == []
    assert await found(engine, field=inside, user_id="ada") == []
    assert await found(engine, text="MINE", user_id="ada") == [run_id]


async def test_an_id_finds_its_run_behind_however_many(start: Start, database: Database) -> None:
    engine = await start([fine, broken, asleep], retention=timedelta(days=40_000))
    with beside(database) as connection:
        fill(connection, RUNS)
    assert await found(engine, text="old:000007") == ["old:000007"]
    assert await found(engine, text="evt8") == ["old:000008"]
    assert await found(engine, text="old:000007", user_id="ada") == ["old:000007"]
    assert await found(engine, text="old:000007", status="completed") == ["old:000007"]
    page = await engine.inspect.runs(RunFilter(text="old:000007", status="failed"))
    assert page.items == ()
    for name in ("evt8", "old:000008"):
        events = await engine.inspect.events(EventFilter(text=name))
        assert [info.event.id for info in events.items] == ["evt8"]


async def test_counts_are_by_status_whichever_is_asked_for(start: Start) -> None:
    engine = await start([fine, broken, asleep])
    await three_kinds(engine)

    async def counts(**which: Any) -> dict[Any, int]:
        counted = await engine.inspect.counts(RunFilter(**which))
        assert not counted.is_sample
        return counted.by_status

    assert await counts() == {"completed": 1, "failed": 1, "running": 1}
    assert await counts(status="failed") == {"completed": 1, "failed": 1, "running": 1}
    assert await counts(job_id="broken") == {"failed": 1}
    assert await counts(job_id=["broken", "fine"]) == {"completed": 1, "failed": 1}
    assert await counts(text="größe") == {"completed": 1}
    assert await counts(user_id="ada") == {"completed": 1}
    assert await counts(until=datetime(2020, 1, 1, tzinfo=UTC)) == {}


async def test_a_list_never_says_another_thing_than_the_run(start: Start) -> None:
    engine = await start([fine, broken, asleep])
    _, _, open_one = await three_kinds(engine)
    await engine.cancel(open_one)
    listed = (await engine.inspect.runs()).items
    assert [run.status for run in listed] == ["cancelled", "failed", "completed"]
    for run in listed:
        info = (await engine.inspect.run(run.run_id)).info
        assert (run.status, run.created_at, run.started_at, run.ended_at, str(run.error)) == (
            info.status,
            info.created_at,
            info.started_at,
            info.ended_at,
            str(info.error),
        )
        assert run.started_at is not None


async def test_jobs_say_what_starts_and_what_holds_them(start: Start) -> None:
    @job(
        "report",
        on=[On(Asked, when="event.data.text != ''"), "orders/*", Cron("TZ=Europe/Paris 0 9 * * *")],
        cancel_on=CancelOn(Withdrawn, when="async.data.question_id == 'q'", timeout="1h"),
        concurrency=Concurrency(2, key="event.user.id", scope="env"),
        retries=3,
        throttle=Throttle(5, "1m", burst=2),
        timeouts=Timeouts(finish="10m"),
        priority="5",
    )
    async def report(_: JobContext[Any]) -> None:
        """Nothing."""

    clock = ManualClock(datetime(2026, 6, 1, 6, tzinfo=UTC))
    engine = await start([report, fine], clock=clock, works=False)
    plain, told = await engine.inspect.jobs()
    assert (plain.definition.job_id, plain.definition.flow) == ("fine", {})
    definition = told.definition
    first, second = definition.events
    assert (first.event, first.when) == ("test/asked", "event.data.text != ''")
    assert first.schema is not None
    assert set(first.schema["properties"]) == {"questionId", "text"}
    assert (second.event, second.schema) == ("orders/*", None)
    [cron] = told.crons
    assert (cron.schedule, cron.zone) == ("0 9 * * *", "Europe/Paris")
    assert cron.next_at == datetime(2026, 6, 1, 7, tzinfo=UTC)
    [cancel] = definition.cancel_on
    assert (cancel.event, cancel.timeout_s) == ("test/withdrawn", 3600)
    [limit] = definition.concurrency
    assert (limit.limit, limit.key, limit.scope) == (2, "event.user.id", "env")
    assert definition.retries == 3
    assert definition.flow == {
        "throttle": {"limit": 5, "period_s": 60, "burst": 2},
        "timeouts": {"finish_s": 600},
        "priority": "5",
    }
    await engine.pause(report)
    paused = (await engine.inspect.jobs())[1]
    assert paused.paused_at == clock.now()
    await engine.resume(report)
    assert (await engine.inspect.jobs())[1].paused_at is None


async def test_buckets_tell_ends_causes_and_what_was_there(start: Start) -> None:
    engine = await start([fine, broken, asleep])
    began = datetime.now(UTC)  # noqa: TID251 - DBOS stamps rows with the real time
    await three_kinds(engine)
    await engine.pause(fine)
    await engine.send(Asked())
    since = began - timedelta(minutes=10)
    series = await engine.inspect.series(since, bucket_s=60)
    assert not series.is_sample
    assert 11 <= len(series.buckets) <= 12
    starts = [bucket.at for bucket in series.buckets]
    assert starts == [starts[0] + timedelta(minutes=n) for n in range(len(starts))]
    assert starts[0].second == 0
    assert sum(bucket.completed for bucket in series.buckets) == 1
    assert sum(bucket.failed for bucket in series.buckets) == 1
    [failed] = [bucket for bucket in series.buckets if bucket.failed]
    assert [(cause.name, cause.count) for cause in failed.causes] == [("LookupError", 1)]
    [good] = [bucket for bucket in series.buckets if bucket.completed]
    assert good.duration is not None
    assert good.queued is not None
    before, last = series.buckets[0], series.buckets[-1]
    assert (before.waiting, before.running) == (0, 0)
    assert (last.waiting, last.running) == (1, 1)
    of_job = await engine.inspect.series(since, bucket_s=60, job_id="broken")
    assert sum(b.completed + b.waiting + b.running for b in of_job.buckets) == 0
    of_ada = await engine.inspect.series(since, bucket_s=3600, user_id="ada")
    assert (sum(b.completed for b in of_ada.buckets), of_ada.buckets[-1].waiting) == (1, 0)
    with pytest.raises(TooManyBuckets, match="allowed"):
        await engine.inspect.series(since - timedelta(days=1), bucket_s=1)


def test_a_window_begins_at_a_multiple_of_its_buckets() -> None:
    window = Window.of(90_000, 200_000, 60_000)
    assert (window.start_ms, window.count) == (60_000, 3)
    assert [window.number(ms) for ms in (59_999, 60_000, 119_999, 200_000)] == [-1, 0, 0, 2]
    assert Window.of(60_000, 60_000, 60_000).count == 1


async def test_with_20_000_runs_counts_and_buckets_are_read_from_an_index(
    start: Start, database: Database
) -> None:
    engine = await start([broken], retention=timedelta(days=40_000))
    with beside(database) as connection:
        fill(connection, RUNS)
    since = 1_000 + RUNS - 50
    counted = counted_query(RunFilter(job_id="old", since=datetime.fromtimestamp(20.9, UTC)))
    both = ("engine_run", RUNS_TABLE)
    queries = [
        (counted, ("engine_run",)),  # the states of so many are joined in whatever way
        (failures_query(since, None, None), both),
        (open_query(None, None), ("engine_run",)),  # as the depths of queues
    ]
    with beside(database) as connection:
        plans = [(plan_of(connection, query), looked_up) for query, looked_up in queries]
    for plan, looked_up in plans:
        for table in looked_up:
            assert not re.search(rf"SCAN {table}$|Seq Scan on {table}\b", plan, re.MULTILINE), plan
    assert (await engine.inspect.counts()).by_status == {"completed": 20_000}


async def test_what_is_read_at_one_moment_does_not_change_meanwhile(
    start: Start, database: Database
) -> None:
    engine = await start([fine])
    runs = sa.select(sa.func.count()).select_from(tables.run)
    with beside(database) as connection:
        at_one_moment(connection)
        assert connection.execute(runs).scalar_one() == 0
        sent = await engine.send(Asked())
        await engine.wait(sent.run_ids[0], 10)
        assert connection.execute(runs).scalar_one() == 0
    with beside(database) as connection:
        assert connection.execute(runs).scalar_one() == 1
