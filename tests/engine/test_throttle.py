"""A throttle spaces the starts that really happen, however late or held up the runs are."""

import asyncio
from itertools import pairwise

import pytest

from engine import Concurrency, Database, Engine, Event, JobContext, Throttle, job
from engine.dbos import dbos_rows, private
from engine.intake.throttles import spacing_ms
from tests.engine.conftest import Start
from tests.engine.things import Asked, until_waiting
from tests.support.waiting import until

EVERY_S = 0.3
HELD_S = 1.8  # by when six starts are overdue


class Starts:
    """When bodies began, by key."""

    def __init__(self) -> None:
        self.at: list[float] = []
        self.of: list[str] = []

    def note(self, key: str) -> None:
        self.at.append(asyncio.get_running_loop().time())
        self.of.append(key)

    def gaps(self) -> list[float]:
        return [later - earlier for earlier, later in pairwise(self.at)]

    def is_spaced(self) -> bool:
        return min(self.gaps()) >= EVERY_S


@job("spaced", on=Asked, throttle=Throttle(limit=10, period=10 * EVERY_S))
async def spaced(ctx: JobContext[Asked]) -> None:
    ctx.need(Starts).note(ctx.event.data.text)


async def all_ended(engine: Engine, run_ids: list[str]) -> None:
    for run_id in run_ids:
        assert (await engine.wait(run_id, 15)).status == "completed"


async def send(engine: Engine, count: int) -> list[str]:
    sent = await engine.send_many([Asked(text=str(n)) for n in range(count)])
    return [one.run_ids[0] for one in sent]


async def test_after_a_downtime_the_starts_are_spaced_and_in_order(database: Database) -> None:
    starts = Starts()
    async with Engine(jobs=[spaced], database=database, works=False) as sender:
        run_ids = await send(sender, 6)
    await asyncio.sleep(HELD_S)  # nobody is there
    async with Engine(jobs=[spaced], database=database, provide=[starts]) as engine:
        await all_ended(engine, run_ids)
    assert starts.is_spaced()
    assert starts.of == list("012345")


async def test_after_a_pause_the_starts_are_spaced(start: Start) -> None:
    starts = Starts()
    engine = await start([spaced], provide=[starts])
    await engine.pause(spaced)
    run_ids = await send(engine, 6)
    for run_id in run_ids:
        async with asyncio.timeout(10):
            while (await engine.run(run_id)).status != "queued":  # noqa: ASYNC110 - not told
                await asyncio.sleep(0.01)
    await engine.resume(spaced)
    await all_ended(engine, run_ids)
    assert starts.is_spaced()


async def test_runs_that_were_held_up_for_places_start_spaced(start: Start) -> None:
    starts, go = Starts(), asyncio.Event()
    shared = [Concurrency(limit=3, key="'all'", scope="env")]

    @job("blocker", on="block", concurrency=shared)
    async def blocker(ctx: JobContext[dict[str, str]]) -> None:
        await ctx.step.run("wait", go.wait)

    @job("both", on=Asked, concurrency=shared, throttle=Throttle(limit=10, period=10 * EVERY_S))
    async def both(ctx: JobContext[Asked]) -> None:
        starts.note(ctx.event.data.text)

    engine = await start([blocker, both])
    await engine.send_many([Event("block") for _ in range(3)])
    await until(lambda: len(engine.live_runs()) == 3)
    run_ids = await send(engine, 6)
    await until(lambda: len(engine.live_runs()) == 9)  # all are due, and wait for a place
    go.set()
    await all_ended(engine, run_ids)
    assert starts.is_spaced()


async def test_run_that_a_throttle_holds_up_keeps_no_place_from_others(
    start: Start, database: Database
) -> None:
    starts, shared = Starts(), [Concurrency(limit=1, key="'all'", scope="env")]

    @job("rare", on=Asked, concurrency=shared, throttle=Throttle(limit=1, period="1h"))
    async def rare(ctx: JobContext[Asked]) -> None:
        starts.note(ctx.event.data.text)

    @job("other", on="other", concurrency=shared)
    async def other(_: JobContext[dict[str, str]]) -> str:
        return "done"

    engine = await start([rare, other])
    first, late = [await engine.send(Asked(text=text)) for text in ("first", "late")]
    await all_ended(engine, [first.run_ids[0]])
    pool = private.with_schema(database.connect())
    with pool.begin() as connection:  # as if it had been late
        dbos_rows.end_delay(connection, late.run_ids[0])
    pool.dispose()
    await until(lambda: engine.live_runs() == list(late.run_ids))
    sent = await engine.send(Event("other"))
    assert await engine.result(sent.run_ids[0], 5) == "done"
    assert starts.of == ["first"]
    assert await engine.cancel(late.run_ids[0])


async def test_a_burst_starts_together_and_what_follows_is_spaced(database: Database) -> None:
    starts = Starts()

    every_s = 1.0  # a busy machine takes a while for three starts; spaced ones would take 2 s

    @job("bursts", on=Asked, throttle=Throttle(limit=10, period=10 * every_s, burst=3))
    async def bursts(ctx: JobContext[Asked]) -> None:
        starts.note(ctx.event.data.text)

    async with Engine(jobs=[bursts], database=database, works=False) as sender:
        run_ids = await send(sender, 6)
    await asyncio.sleep(4 * every_s)  # by when all but two are overdue
    async with Engine(jobs=[bursts], database=database, provide=[starts]) as engine:
        await all_ended(engine, run_ids)
    assert starts.at[2] - starts.at[0] < 2 * every_s
    assert all(starts.at[n + 3] - starts.at[n] >= every_s for n in range(3))


async def test_each_key_has_a_pace_of_its_own(database: Database) -> None:
    starts = Starts()

    @job(
        "keyed",
        on=Asked,
        throttle=Throttle(limit=1, period="1h", key="event.data.questionId"),
    )
    async def keyed(ctx: JobContext[Asked]) -> None:
        starts.note(ctx.event.data.question_id)

    async with Engine(jobs=[keyed], database=database, provide=[starts]) as engine:
        sent = await engine.send_many([Asked(question_id=key) for key in "abcab"])
        await all_ended(engine, [one.run_ids[0] for one in sent[:3]])
    assert sorted(starts.of) == ["a", "b", "c"]


async def test_run_that_has_started_goes_on_without_asking_again(database: Database) -> None:
    """A deploy must not send runs that sleep through the throttle once more."""

    @job("sleepy", on=Asked, throttle=Throttle(limit=1, period="1h", burst=3))
    async def sleepy(ctx: JobContext[Asked]) -> str:
        return await ctx.step.wait_for_signal("go", ctx.event.data.text)

    async with Engine(jobs=[sleepy], database=database, grace_s=0.1) as engine:
        run_ids = await send(engine, 3)
        await until(lambda: len(engine.live_runs()) == 3)
        for run_id in run_ids:
            await until_waiting(engine, run_id)
    async with Engine(jobs=[sleepy], database=database, grace_s=0.1) as engine:
        await until(lambda: len(engine.live_runs()) == 3)
        for number, run_id in enumerate(run_ids):
            await engine.send_signal(str(number), "done")
            assert await engine.result(run_id, 5) == "done"


async def test_run_that_waits_for_its_turn_does_not_start_in_a_paused_job(
    database: Database,
) -> None:
    starts = Starts()
    async with Engine(jobs=[spaced], database=database, works=False) as sender:
        run_ids = await send(sender, 4)
    await asyncio.sleep(HELD_S)
    async with Engine(jobs=[spaced], database=database, provide=[starts]) as engine:
        await until(lambda: len(starts.at) == 2)
        await engine.pause(spaced)
        begun = len(starts.at)
        async with asyncio.timeout(5):
            while engine.live_runs():  # noqa: ASYNC110 - they are given back
                await asyncio.sleep(0.01)
        assert len(starts.at) == begun
        await engine.resume(spaced)
        await all_ended(engine, run_ids)
    assert starts.is_spaced()


@pytest.mark.parametrize(("limit", "period_s"), [(1, 2.0), (100, 1.0)])
def test_the_limit_is_never_passed_and_hardly_missed(limit: int, period_s: float) -> None:
    throttle = Throttle(limit=limit, period=period_s)
    assert 1 <= spacing_ms(throttle) / (period_s * 1000 / limit) <= 1.02
