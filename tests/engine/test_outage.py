"""PostgreSQL goes away in the middle, the hard way, and comes back."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Generator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy import event

from engine import (
    Concurrency,
    DatabaseAway,
    Engine,
    EventData,
    JobContext,
    PostgresDatabase,
    job,
)
from tests.engine.fleet_worker import LEASE_S
from tests.engine.test_fleet import Workers
from tests.engine.things import Asked, Notes, Withdrawn, until_waiting
from tests.support.dbos.rows import RUNS
from tests.support.mortal_server import MortalServer, mortal_server
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(60)

BACK_S = 10.0  # within which everything goes on once the server answers


@pytest.fixture(scope="module")
def server() -> Generator[MortalServer]:
    with mortal_server() as server:
        yield server


@pytest.fixture
def database(server: MortalServer) -> PostgresDatabase:
    return server.fresh()


class Gate:
    """Lets a step end when the test says so."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.open = asyncio.Event()


@job("steady", on=Asked)
async def steady(ctx: JobContext[Asked]) -> list[str]:
    """One step that ends when the gate opens, and one after it."""
    notes, gate = ctx.need(Notes), ctx.need(Gate)

    async def first() -> str:
        notes.write("first")
        gate.reached.set()
        await gate.open.wait()
        return "one"

    async def second() -> str:
        notes.write("second")
        return "two"

    return [await ctx.step.run("first", first), await ctx.step.run("second", second)]


@asynccontextmanager
async def away(server: MortalServer) -> AsyncGenerator[None]:
    """While the server is gone."""
    await asyncio.to_thread(server.crash)
    try:
        yield
    finally:
        await asyncio.to_thread(server.start)


async def test_a_step_that_ends_while_the_server_is_away_is_recorded_once(
    server: MortalServer, database: PostgresDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    notes, gate = Notes(), Gate()
    with caplog.at_level(logging.INFO):
        async with Engine(jobs=[steady], database=database, provide=[notes, gate]) as engine:
            run_id = (await engine.send(Asked())).run_ids[0]
            await gate.reached.wait()
            async with away(server):
                gate.open.set()
                await until(lambda: any(r.message == "database_away" for r in caplog.records))
                await asyncio.sleep(1.5)  # the step, the dispatcher and the fleet have all tried
            assert await engine.result(run_id, BACK_S) == ["one", "two"]
    assert notes.lines == ["first", "second"]
    said = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record for record in said if record.exc_info] == []
    assert len(said) < 20, [record.message for record in said]


@job("last", on=Asked)
async def last(ctx: JobContext[Asked]) -> str:
    """Nothing but a body, so that only the run's outcome is left to be recorded."""
    gate = ctx.need(Gate)
    ctx.need(Notes).write("body")
    gate.reached.set()
    await gate.open.wait()
    return "done"


async def test_a_run_that_ends_while_the_server_is_away_has_ended(
    server: MortalServer, database: PostgresDatabase
) -> None:
    notes, gate = Notes(), Gate()
    async with Engine(jobs=[last], database=database, provide=[notes, gate]) as engine:
        run_id = (await engine.send(Asked())).run_ids[0]
        await gate.reached.wait()
        async with asyncio.TaskGroup() as others:
            waiting = others.create_task(engine.result(run_id, 30))
            async with away(server):
                gate.open.set()
                await asyncio.sleep(1)
        assert waiting.result() == "done"
        await until(lambda: engine.live_runs() == [])
    assert notes.lines == ["body"]


class Resting(EventData, event="test/resting"):
    n: int
    question_id: str


@job("resting", on=Resting, concurrency=[Concurrency(limit=1)])
async def resting(ctx: JobContext[Resting]) -> list[str | None]:
    n, notes = ctx.event.data.n, ctx.need(Notes)

    async def effect(name: str) -> str:
        notes.write(f"{n} begins {name}")
        await asyncio.sleep(0.05)
        return name

    async def step(name: str) -> str:
        done = await ctx.step.run(name, effect, name)
        notes.write(f"{n} recorded {name}")
        return done

    done: list[str | None] = [await step("before")]
    await ctx.step.sleep("nap", 0.5)
    done.append(await step("between"))
    found = await ctx.step.wait_for_event("answer", Withdrawn, match="data.questionId")
    done.append(None if found is None else found.data.question_id)
    return [*done, await step("after")]


async def test_runs_that_sleep_wait_and_stand_in_line_outlive_crashes(
    server: MortalServer, database: PostgresDatabase
) -> None:
    notes = Notes()
    async with Engine(jobs=[resting], database=database, provide=[notes]) as engine:
        for n in range(6):
            await engine.send(Resting(n=n, question_id=f"q{n}"))
        runs = [run.run_id for run in await engine.runs()]
        await until(lambda: "0 recorded before" in notes.lines)
        await asyncio.to_thread(server.restart)
        await until(lambda: "5 recorded between" in notes.lines, BACK_S)
        await asyncio.to_thread(server.restart)
        for n in range(6):
            await engine.send(Withdrawn(question_id=f"q{n}"))
            if n == 2:
                await asyncio.to_thread(server.restart)
        results = [await engine.result(run_id, BACK_S) for run_id in runs]
        assert sorted(results) == [["before", "between", f"q{n}", "after"] for n in range(6)]
    recorded: set[str] = set()
    for line in notes.lines:
        if "recorded" in line:
            recorded.add(line)
        else:
            assert line.replace("begins", "recorded") not in recorded, notes.lines


async def test_a_send_meanwhile_is_stored_when_the_server_is_back(
    server: MortalServer, database: PostgresDatabase
) -> None:
    notes, gate = Notes(), Gate()
    gate.open.set()
    async with Engine(jobs=[steady], database=database, provide=[notes, gate]) as engine:
        async with asyncio.TaskGroup() as others, away(server):
            sending = others.create_task(engine.send(Asked()))
            await asyncio.sleep(0.5)
            assert not sending.done()
        sent = sending.result()
        assert await engine.result(sent.run_ids[0], BACK_S) == ["one", "two"]


async def test_a_send_gives_up_clearly_and_a_run_never_does(
    server: MortalServer, database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.storage.transactions.RETRY_FOR_S", 0.3)
    notes, gate = Notes(), Gate()

    @job("waiter", on=Asked)
    async def waiter(ctx: JobContext[Asked]) -> str:
        async def first() -> None:
            gate.reached.set()
            await gate.open.wait()

        await ctx.step.run("first", first)
        # All that follows asks the database through the engine's own ledger.
        child = await ctx.step.invoke("child", child_of, Asked())
        await ctx.step.wait_for_event("never", "test/never", timeout=0.01)
        return child

    @job("child", on="test/nobody-sends")
    async def child_of(ctx: JobContext[dict[str, Any]]) -> str:
        del ctx
        return "from the child"

    jobs = [waiter, child_of]
    async with Engine(jobs=jobs, database=database, provide=[notes]) as engine:
        run_id = (await engine.send(Asked())).run_ids[0]
        await gate.reached.wait()
        async with away(server):
            gate.open.set()
            with pytest.raises(DatabaseAway):
                await engine.send(Asked())
            await asyncio.sleep(1)
        assert await engine.result(run_id, BACK_S) == "from the child"


@asynccontextmanager
async def losing_the_answer(server: MortalServer, statement: str) -> AsyncGenerator[None]:
    """The server crashes just after it has committed the first change by such a statement.

    It comes back at once.
    """
    crashing: list[str] = []
    gone, loop = asyncio.Event(), asyncio.get_running_loop()

    def note(connection: sa.Connection, cursor: Any, sql: str, *_: Any) -> None:
        if sql.startswith(statement) and cursor.rowcount > 0 and not crashing:
            crashing.append(sql)
            connection.info["crashes"] = True

    def crash(connection: sa.Connection) -> None:
        if connection.info.pop("crashes", False):
            driver: Any = connection.connection.dbapi_connection
            driver.commit()
            driver.execute("SELECT 1")  # so that SQLAlchemy's own commit reaches for the server
            server.crash()
            loop.call_soon_threadsafe(gone.set)

    hooks = [(sa.Engine, "after_cursor_execute", note), (sa.Engine, "commit", crash)]
    for hook in hooks:
        event.listen(*hook)

    async def come_back() -> None:
        await gone.wait()
        await asyncio.to_thread(server.start)

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(come_back())
            yield
    finally:
        for hook in hooks:
            event.remove(*hook)


async def test_a_claim_whose_answer_is_lost_does_not_strand_its_runs(
    server: MortalServer, database: PostgresDatabase
) -> None:
    notes, gate = Notes(), Gate()
    gate.open.set()
    async with Engine(jobs=[steady], database=database, provide=[notes, gate]) as engine:
        async with losing_the_answer(server, "WITH next_ones"):
            run_id = (await engine.send(Asked())).run_ids[0]
        assert await engine.result(run_id, BACK_S) == ["one", "two"]
    assert notes.lines == ["first", "second"]


async def test_a_cancel_whose_answer_is_lost_has_cancelled(
    server: MortalServer, database: PostgresDatabase
) -> None:
    notes, gate = Notes(), Gate()
    async with Engine(jobs=[steady], database=database, provide=[notes, gate]) as engine:
        run_id = (await engine.send(Asked())).run_ids[0]
        await gate.reached.wait()
        async with losing_the_answer(server, f"UPDATE dbos.{RUNS}"):
            assert await engine.cancel(run_id)
        assert not engine.live_runs()
        assert not await engine.cancel(run_id)


async def test_a_signal_whose_answer_is_lost_has_been_heard(
    server: MortalServer, database: PostgresDatabase
) -> None:
    @job("patient", on=Asked)
    async def patient(ctx: JobContext[Asked]) -> str:
        return await ctx.step.wait_for_signal("go", "go")

    async with Engine(jobs=[patient], database=database) as engine:
        run_id = (await engine.send(Asked())).run_ids[0]
        await until_waiting(engine, run_id, BACK_S)
        async with losing_the_answer(server, "UPDATE engine_wait SET answer"):
            assert await engine.send_signal("go", "heard")
        assert await engine.result(run_id, BACK_S) == "heard"


async def test_start_while_the_server_is_away_says_so(
    server: MortalServer, database: PostgresDatabase
) -> None:
    async with away(server):
        with pytest.raises(DatabaseAway, match=r"cannot be reached: .*connection"):
            await Engine(jobs=[steady], database=database).__aenter__()
    async with Engine(jobs=[steady], database=database, works=False) as engine:
        assert await engine.runs() == []


async def test_leaving_while_the_server_is_away_is_quick_and_the_next_goes_on(
    server: MortalServer, database: PostgresDatabase
) -> None:
    notes, gate = Notes(), Gate()
    async with Engine(
        jobs=[steady],
        database=database,
        provide=[notes, gate],
        executor_id="one",
        grace_s=0.1,
        lease_s=1,
    ) as engine:
        run_id = (await engine.send(Asked())).run_ids[0]
        await gate.reached.wait()
        await asyncio.to_thread(server.crash)
        began = monotonic()
    assert monotonic() - began < 8
    await asyncio.to_thread(server.start)
    gate.open.set()
    async with Engine(
        jobs=[steady], database=database, provide=[notes, gate], executor_id="two", lease_s=1
    ) as heir:
        assert await heir.result(run_id, BACK_S) == ["one", "two"]
    assert notes.lines == ["first", "first", "second"]


@pytest.fixture
def workers(database: PostgresDatabase, tmp_path: Path) -> Generator[Workers]:
    with ExitStack() as stack:
        yield Workers(database, tmp_path, stack)


async def listening(database: PostgresDatabase, count: int) -> None:
    """Wait until so many processes listen to notices."""

    def counted() -> int:
        with psycopg.connect(database.libpq) as connection:
            query = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"
            found = connection.execute(query).fetchone()
        assert found is not None
        return found[0]

    async with asyncio.timeout(10):
        while await asyncio.to_thread(counted) < count:  # noqa: ASYNC110 - the server knows it
            await asyncio.sleep(0.05)


async def test_a_cancel_travels_at_once_again_after_a_restart(
    server: MortalServer, workers: Workers
) -> None:
    async with workers.sender() as engine:
        workers.start("one")
        sent = await engine.send(Asked(text=str(workers.go)))
        await until(lambda: workers.has("one second begins"))
        await asyncio.to_thread(server.restart)
        await listening(workers.database, 2)
        await engine.cancel(sent.run_ids[0])
        await until(lambda: workers.has("one interrupted"), 0.4)  # the poll takes a second


async def test_an_outage_longer_than_the_lease_takes_no_run_from_the_living(
    server: MortalServer, workers: Workers
) -> None:
    async with workers.sender() as engine:
        for name in ("one", "two"):
            workers.start(name)
        sent = [
            await engine.send(Asked(question_id=f"q{n}", text=str(workers.go))) for n in range(6)
        ]
        await until(
            lambda: sum(line.endswith("second begins") for line in workers.journal.lines()) == 6
        )
        await asyncio.to_thread(server.restart, LEASE_S + 1)
        await listening(workers.database, 3)
        await asyncio.sleep(LEASE_S)  # in which everybody has beaten and swept
        workers.go.touch()
        for each in sent:
            assert await engine.result(each.run_ids[0], 10) in {"one", "two"}
    lines = workers.journal.lines()
    assert sum(line.endswith("second begins") for line in lines) == 6
    assert not [line for line in lines if line.endswith("interrupted")]
