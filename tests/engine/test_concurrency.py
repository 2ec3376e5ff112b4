"""Concurrency keys: how many steps of one key execute, and in which order."""

import asyncio
from collections import Counter, defaultdict

import pytest

from engine import Concurrency, Database, JobContext, job
from engine.control.maintain import LEFT_MS
from engine.storage import tables
from tests.engine.conftest import Start
from tests.engine.things import Asked, Notes, beside
from tests.support.dbos.rows import end_earlier
from tests.support.waiting import until


class Meter:
    """Counts who is inside, per name; nobody leaves before `meet` have been inside together."""

    def __init__(self, meet: int = 1) -> None:
        self.inside: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self._meet = meet
        self._met: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def work(self, name: str) -> None:
        self.inside[name] += 1
        self.most[name] = max(self.most[name], self.inside[name])
        if self.most[name] >= self._meet:
            self._met[name].set()
        await self._met[name].wait()
        await asyncio.sleep(0.01)
        self.inside[name] -= 1


async def test_one_key_runs_in_order_and_does_not_interleave(start: Start) -> None:
    notes = Notes()

    @job("chat", on=Asked, concurrency=[Concurrency(limit=1, key="event.data.questionId")])
    async def chat(ctx: JobContext[Asked]) -> None:
        async def say(part: str) -> None:
            await asyncio.sleep(0.005)
            notes.write(ctx.event.data.text + part)

        await ctx.step.run("one", say, "1")
        await ctx.step.run("two", say, "2")

    engine = await start([chat])
    runs = [(await engine.send(Asked(text=text))).run_ids[0] for text in "abc"]
    for run_id in runs:
        assert (await engine.wait(run_id, 8)).status == "completed"
    assert notes.lines == ["a1", "a2", "b1", "b2", "c1", "c2"]


async def test_each_key_has_its_own_limit(start: Start) -> None:
    meter = Meter(meet=2)

    @job("metered", on=Asked, concurrency=[Concurrency(limit=2, key="event.data.questionId")])
    async def metered(ctx: JobContext[Asked]) -> None:
        for _ in range(2):
            await ctx.step.run("work", meter.work, ctx.event.data.question_id)

    engine = await start([metered])
    sent = await engine.send_many([Asked(question_id=key) for key in "aaaabbbb"])
    for one in sent:
        assert (await engine.wait(one.run_ids[0], 8)).status == "completed"
    assert meter.most == {"a": 2, "b": 2}


async def test_parallel_steps_of_one_run_count_one_by_one(start: Start) -> None:
    meter = Meter(meet=2)

    @job("parallel", on=Asked, concurrency=[Concurrency(limit=2)])
    async def parallel(ctx: JobContext[Asked]) -> None:
        await asyncio.gather(*(ctx.step.run(f"s{n}", meter.work, "x") for n in range(5)))

    engine = await start([parallel])
    sent = await engine.send(Asked())
    assert (await engine.wait(sent.run_ids[0], 8)).status == "completed"
    assert meter.most == {"x": 2}


async def test_parallel_steps_run_one_after_the_other_under_a_limit_of_one(start: Start) -> None:
    meter = Meter()

    @job("narrow", on=Asked, concurrency=[Concurrency(limit=1)])
    async def narrow(ctx: JobContext[Asked]) -> None:
        await asyncio.gather(*(ctx.step.run(f"s{n}", meter.work, "x") for n in range(5)))

    engine = await start([narrow])
    sent = await engine.send(Asked())
    assert (await engine.wait(sent.run_ids[0], 8)).status == "completed"
    assert meter.most == {"x": 1}


async def test_limit_that_counts_runs_lets_the_steps_of_one_run_side_by_side(start: Start) -> None:
    meter = Meter(meet=3)

    @job("wide", on=Asked, concurrency=[Concurrency(limit=1, counts="runs")])
    async def wide(ctx: JobContext[Asked]) -> None:
        key = ctx.event.data.text
        await asyncio.gather(*(ctx.step.run(f"s{n}", meter.work, key) for n in range(3)))
        await asyncio.gather(*(ctx.step.run(f"t{n}", meter.work, "all") for n in range(3)))

    engine = await start([wide])
    runs = [(await engine.send(Asked(text=text))).run_ids[0] for text in "ab"]
    for run_id in runs:
        assert (await engine.wait(run_id, 8)).status == "completed"
    assert meter.most == {"a": 3, "b": 3, "all": 3}


async def test_run_that_backs_off_gives_its_place_to_another(start: Start) -> None:
    notes = Notes()

    @job("polite", on=Asked, concurrency=[Concurrency(limit=1)])
    async def polite(ctx: JobContext[Asked]) -> None:
        async def work() -> None:
            notes.write(f"{ctx.event.data.text}{ctx.attempt}")
            if ctx.event.data.text == "a" and ctx.attempt == 0:
                raise ConnectionError

        await ctx.step.run("work", work)

    engine = await start([polite])
    runs = [(await engine.send(Asked(text=text))).run_ids[0] for text in "ab"]
    for run_id in runs:
        assert (await engine.wait(run_id, 8)).status == "completed"
    assert notes.lines == ["a0", "b0", "a1"]


async def test_jobs_that_share_a_key_share_its_limit(start: Start) -> None:
    meter = Meter()
    shared = [Concurrency(limit=1, key="'model'", scope="env")]

    @job("first", on=Asked, concurrency=shared)
    async def first(ctx: JobContext[Asked]) -> None:
        await ctx.step.run("work", meter.work, "x")

    @job("second", on=Asked, concurrency=shared)
    async def second(ctx: JobContext[Asked]) -> None:
        await ctx.step.run("work", meter.work, "x")

    engine = await start([first, second])
    for sent in await engine.send_many([Asked(), Asked()]):
        for run_id in sent.run_ids:
            assert (await engine.wait(run_id, 8)).status == "completed"
    assert meter.most == {"x": 1}


@pytest.mark.timeout(20)
async def test_limit_of_one_still_runs_a_hundred(start: Start) -> None:
    @job("many", on=Asked, concurrency=[Concurrency(limit=1)])
    async def many(ctx: JobContext[Asked]) -> None:
        await ctx.step.run("work", asyncio.sleep, 0)

    engine = await start([many])
    for sent in await engine.send_many([Asked() for _ in range(100)]):
        assert (await engine.wait(sent.run_ids[0], 15)).status == "completed"


async def test_place_of_a_run_that_ended_long_ago_is_swept(
    start: Start, database: Database
) -> None:
    """Nothing leaves one behind any more; older versions have, and keys were blocked by it."""

    @job("alone", on=Asked, concurrency=[Concurrency(limit=1)])
    async def alone(ctx: JobContext[Asked]) -> str:
        return await ctx.step.run("work", asyncio.sleep, 0, ctx.event.data.text)

    engine = await start([alone])
    first = await engine.send(Asked(text="a"))
    assert await engine.result(first.run_ids[0], 5) == "a"
    place = {"key": alone.concurrency[0].prefix + ":", "run_id": first.run_ids[0], "number": 0}
    with beside(database) as connection:
        row = {**place, "allowed": 1, "position": 0, "granted": True, "executor_id": ""}
        assert tables.insert_new(connection, tables.slot, row)
        end_earlier(connection, first.run_ids[0], 2 * LEFT_MS)
    second = await engine.send(Asked(text="b"))
    await until(lambda: engine.live_runs() == list(second.run_ids))  # it waits for the place
    await engine.sweep()
    assert await engine.result(second.run_ids[0], 5) == "b"
