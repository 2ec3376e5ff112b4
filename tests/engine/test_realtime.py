"""Realtime channels: typed messages to those who listen now, in this process and in others."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Concatenate, ParamSpec, TypeVar

import jwt
import pytest
import sqlalchemy as sa

from core.clock import SystemClock
from engine import (
    BadChannel,
    BadMessage,
    BadToken,
    Channel,
    Database,
    Engine,
    EngineNotRunning,
    FailureContext,
    JobContext,
    Message,
    Messages,
    NonRetriable,
    PostgresDatabase,
    RunFailed,
    SqliteDatabase,
    TooSlow,
    Topic,
    job,
)
from engine.dbos import dbos_rows, private
from engine.realtime.hub import WAITING
from engine.realtime.messages import WireMessage
from engine.realtime.publisher import forget_kept
from engine.realtime.tokens import signing_secret
from engine.storage import tables
from tests.engine.conftest import Start
from tests.engine.realtime_worker import Progress, build, lines, progress, report
from tests.engine.things import QUICK, Asked, Notes
from tests.support.waiting import until

P = ParamSpec("P")
T = TypeVar("T")

SEVEN = build.of("7")


async def take(messages: AsyncIterator[Message[Any]], count: int) -> list[Any]:
    """The data of the next messages."""
    async with asyncio.timeout(5):
        return [(await anext(messages)).data for _ in range(count)]


async def rest_of(engine: Engine, messages: Messages[Any]) -> list[Any]:
    """The data of what is on the way."""
    await engine.publish(messages.address.channel, "lines", "the end")
    got: list[Any] = []
    while got[-1:] != ["the end"]:
        got += await take(messages, 1)
    return got[:-1]


async def test_a_subscriber_gets_typed_data_in_the_order_sent(start: Start) -> None:
    engine = await start([report])
    async with engine.subscribe(SEVEN, [progress]) as messages:
        sent = await engine.send(Asked(question_id="7"))
        async with asyncio.timeout(5):
            got = [await anext(messages) for _ in range(11)]
    assert [message.data for message in got] == [Progress(percent=n) for n in range(11)]
    assert {(message.channel, message.topic, message.run_id) for message in got} == {
        ("build:7", "progress", sent.run_ids[0])
    }
    assert len({message.id for message in got}) == 11
    assert all(message.sent_at.tzinfo is not None for message in got)


@contextmanager
def worker(database: PostgresDatabase) -> Generator[None]:
    command = [sys.executable, "-m", "tests.engine.realtime_worker", database.dsn]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield
        finally:
            process.kill()


async def test_messages_of_a_job_reach_another_process_large_ones_in_their_place(
    postgres: PostgresDatabase,
) -> None:
    async with Engine(jobs=[report], database=postgres, works=False) as engine:
        with worker(postgres):
            async with engine.subscribe(SEVEN) as messages:
                sent = await engine.send(Asked(question_id="7", text="100000"))
                async with asyncio.timeout(10):
                    got = [await anext(messages) for _ in range(12)]
    data = [message.data for message in got]
    assert data == [*(Progress(percent=n) for n in range(10)), "x" * 100_000, Progress(percent=10)]
    assert {message.run_id for message in got} == set(sent.run_ids)


async def test_processes_without_jobs_hear_each_other_in_order(postgres: PostgresDatabase) -> None:
    async with Engine(jobs=[report], database=postgres, works=False) as engine:
        with worker(postgres):
            async with engine.subscribe("pong") as messages:
                for number in range(200):
                    await engine.publish(
                        "ping", "n", {"n": number, "pad": "é" * (number % 3) * 4000}
                    )
                got = await take(messages, 200)
    assert [each["n"] for each in got] == list(range(200))


def in_database(
    database: Database,
    work: Callable[Concatenate[sa.Connection, P], T],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """What `work` does in a transaction beside the engine."""
    pool = private.with_schema(database.connect())
    try:
        with pool.begin() as connection:
            return work(connection, *args, **kwargs)
    finally:
        pool.dispose()


def say_elsewhere(connection: sa.Connection, payload: str) -> None:
    """What another process does."""
    connection.execute(sa.select(sa.func.pg_notify("engine_realtime", payload)))


async def test_a_lost_listener_comes_back(postgres: PostgresDatabase) -> None:
    async with (
        Engine(jobs=[], database=postgres, works=False) as engine,
        engine.subscribe(SEVEN) as messages,
    ):
        lost = in_database(postgres, _listeners, "pg_terminate_backend(pid)")
        assert lost
        await until(lambda: not set(lost) & set(in_database(postgres, _listeners)))
        said = WireMessage("m", "build:7", "lines", '"again"', None, 0).encode()
        got: list[Any] = []
        while not got:
            in_database(postgres, say_elsewhere, f'["another"]\n{said}')
            with suppress(TimeoutError):
                async with asyncio.timeout(0.1):
                    got.append((await anext(messages)).data)
        assert got == ["again"]
        async with asyncio.timeout(1), engine.subscribe(SEVEN):  # and does not wait any more
            pass


def _listeners(connection: sa.Connection, act: str = "true") -> list[int]:
    query = f"SELECT pid, {act} FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"  # noqa: S608 - ours
    return [pid for pid, _ in connection.execute(sa.text(query))]


async def test_names_and_json_do_what_objects_do(start: Start) -> None:
    engine = await start([])
    async with engine.subscribe(SEVEN, [progress]) as messages:
        await engine.publish("build:7", "progress", {"percent": 3})
        await engine.publish(SEVEN, "progress", {"percent": 4})
        await engine.publish("build:7", progress, Progress(percent=5))
        async with asyncio.timeout(5):
            message = await anext(messages)
            assert message.data.percent == 3
        assert await take(messages, 2) == [Progress(percent=4), Progress(percent=5)]
    assert message.run_id is None
    async with (
        engine.subscribe("build:7", ["progress"]) as untyped,
        engine.subscribe(build) as kind,
    ):
        await engine.publish(build.of("8"), progress, Progress(percent=6))
        await engine.publish(SEVEN, lines, "not asked for")
        await engine.publish(SEVEN, progress, Progress(percent=7))
        await engine.publish(build, lines, "of the kind itself")
        assert await take(untyped, 1) == [{"percent": 7}]
        assert await take(kind, 1) == ["of the kind itself"]


@pytest.mark.parametrize(
    ("topic", "data", "complaint"),
    [
        (progress, {"percent": "many"}, "percent: Input should be a valid integer"),
        (lines, 5, "data: Input should be a valid string"),
        ("any", object(), "data: input was not a valid JSON value"),
        ("any", {"n": float("nan")}, "not JSON"),
        ("any", "\ud800", "surrogates not allowed"),
        (lines, "é" * 262_145, "524292 bytes, and 524288 are allowed: store the data, send a ref"),
    ],
)
async def test_what_does_not_fit_its_topic_is_refused(
    sqlite: SqliteDatabase, topic: Any, data: Any, complaint: str
) -> None:
    async with Engine(jobs=[], database=sqlite) as engine:
        with pytest.raises(BadMessage) as refused:
            await engine.publish("build:7", topic, data)
    name = topic if isinstance(topic, str) else topic.name
    assert str(refused.value).startswith(f"channel 'build:7', topic {name!r}: ")
    assert complaint in str(refused.value)


@pytest.mark.parametrize("name", ["", "x" * 201, "two\nlines", "\x00"])
def test_names_that_cannot_travel_are_refused(name: str) -> None:
    with pytest.raises(BadChannel, match="1 to 200 characters"):
        Topic(name, str)
    with pytest.raises(BadChannel, match="1 to 200 characters"):
        Channel(name, lines)
    if name:
        with pytest.raises(BadChannel, match="1 to 200 characters"):
            build.of(name)


async def test_a_topic_that_the_channel_does_not_have_is_refused(sqlite: SqliteDatabase) -> None:
    other = Topic("progress", int)
    with pytest.raises(BadChannel, match="each with a name of its own"):
        Channel("build", progress, other)
    async with Engine(jobs=[], database=sqlite) as engine:
        with pytest.raises(BadChannel, match="has no 'steps'; it has Topic"):
            await engine.publish(SEVEN, "steps", 1)
        with pytest.raises(BadChannel, match="has no Topic"):
            await engine.publish(SEVEN, other, 1)
        with pytest.raises(BadChannel, match="has no Topic"):
            async with engine.subscribe(SEVEN, [other]):
                pass


async def test_a_run_that_says_what_does_not_fit_fails_at_once(start: Start) -> None:
    notes = Notes()

    @job("wrong", on=Asked, retries=QUICK)
    async def wrong(ctx: JobContext[Asked]) -> None:
        notes.write(f"attempt {ctx.attempt}")
        percent: Any = {"percent": ctx.event.data.text}
        await ctx.publish(SEVEN, progress, percent)

    engine = await start([wrong])
    sent = await engine.send(Asked(text="all"))
    with pytest.raises(RunFailed, match="'build:7', topic 'progress': percent: Input should be"):
        await engine.result(sent.run_ids[0], 5)
    assert notes.lines == ["attempt 0"]


async def test_a_message_of_another_type_is_an_error_and_the_next_one_comes(start: Start) -> None:
    engine = await start([])
    async with engine.subscribe(SEVEN, [progress]) as messages:
        await engine.publish("build:7", "progress", "half")
        await engine.publish(SEVEN, progress, Progress(percent=50))
        with pytest.raises(BadMessage, match="topic 'progress': data: Input should be"):
            await take(messages, 1)
        assert await take(messages, 1) == [Progress(percent=50)]


async def test_a_slow_reader_is_cut_off_and_nobody_else(start: Start) -> None:
    engine = await start([])
    async with engine.subscribe(SEVEN) as slow, engine.subscribe(SEVEN) as quick:
        for number in range(WAITING + 1):
            await engine.publish(SEVEN, lines, str(number))
            assert await take(quick, 1) == [str(number)]
        for _ in range(2):
            with pytest.raises(TooSlow, match="'build:7' has ended: its reader was more than 256"):
                await take(slow, 1)
        await engine.publish(SEVEN, lines, "on")
        assert await take(quick, 1) == ["on"]


async def test_closing_the_engine_ends_the_subscriptions(database: Database) -> None:
    async with Engine(jobs=[], database=database) as engine:
        stack = engine.subscribe(SEVEN)
        messages = await stack.__aenter__()
        await engine.publish(SEVEN, lines, "the last")
    async with asyncio.timeout(5):
        assert [message.data async for message in messages] == ["the last"]
    await stack.__aexit__(None, None, None)


@dataclass
class Gate:
    """A step waits here; `again` is set once the body runs for the second time."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)


@job("told", on=Asked, retries=QUICK)
async def told(ctx: JobContext[Asked]) -> None:
    async def work() -> None:
        await ctx.publish(SEVEN, lines, "in the step")

    async def hold() -> None:
        await ctx.publish(SEVEN, lines, "holding")
        ctx.need(Gate).reached.set()
        await ctx.need(Gate).go.wait()

    await ctx.publish(SEVEN, lines, "before")
    await ctx.step.run("work", work)
    await ctx.publish(SEVEN, lines, "between")
    await ctx.step.run("hold", hold)
    await ctx.publish(SEVEN, lines, "after")


async def test_a_replay_is_silent_and_what_is_sent_again_has_the_same_id(
    database: Database,
) -> None:
    gate = Gate()
    async with (
        Engine(jobs=[told], database=database, provide=[gate], grace_s=0) as engine,
        engine.subscribe(SEVEN) as messages,
    ):
        sent = await engine.send(Asked())
        async with asyncio.timeout(5):
            first = {each.data: each.id for each in [await anext(messages) for _ in range(4)]}
    assert list(first) == ["before", "in the step", "between", "holding"]
    second: dict[str, str] = {}
    async with (
        Engine(jobs=[told], database=database, provide=[gate]) as engine,
        engine.subscribe(SEVEN) as messages,
    ):
        gate.go.set()
        async with asyncio.timeout(10):
            async for message in messages:
                second[message.data] = message.id
                if message.data == "after":
                    break
        assert (await engine.wait(sent.run_ids[0], 5)).status == "completed"
    # No step was recorded after "between", so nobody knows that it was said.
    assert {"after"} <= set(second) <= {"between", "holding", "after"}
    assert all(first[data] == second[data] for data in second.keys() & first.keys())


async def test_each_attempt_of_a_step_speaks_under_ids_of_its_own(start: Start) -> None:
    @job("again", on=Asked, retries=QUICK)
    async def again(ctx: JobContext[Asked]) -> None:
        async def work() -> None:
            await ctx.publish(SEVEN, lines, f"attempt {ctx.attempt}")
            if ctx.attempt == 0:
                raise ConnectionError

        async def branch() -> None:
            await ctx.publish(SEVEN, lines, "branch")

        await ctx.step.run("work", work)
        await ctx.step.parallel(branch, branch)

    engine = await start([again])
    async with engine.subscribe(SEVEN) as messages:
        await engine.send(Asked())
        async with asyncio.timeout(5):
            got = [await anext(messages) for _ in range(4)]
    assert [message.data for message in got] == ["attempt 0", "attempt 1", "branch", "branch"]
    assert len({message.id for message in got}) == 4


async def test_a_failure_handler_speaks_too(start: Start) -> None:
    async def sorry(ctx: FailureContext[Asked]) -> None:
        await ctx.publish(f"run:{ctx.run_id}", "failed", ctx.error.message)

    @job("doomed", on=Asked, on_failure=sorry)
    async def doomed(ctx: JobContext[Asked]) -> None:
        await ctx.publish(f"run:{ctx.run_id}", "hope", 1)
        raise NonRetriable("no use")

    engine = await start([doomed])
    async with engine.subscribe("run:doomed:1") as messages:
        sent = await engine.send(Asked(), event_id="1")
        assert sent.run_ids == ("doomed:1",)
        assert await take(messages, 2) == [1, "no use"]


async def test_nothing_is_said_after_a_cancel(start: Start) -> None:
    said: list[str] = []
    entered = asyncio.Event()

    @job("stubborn", on=Asked)
    async def stubborn(ctx: JobContext[Asked]) -> None:
        async def swallow() -> None:
            await ctx.publish(SEVEN, lines, "before")
            entered.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                said.append("swallowed")
            await ctx.publish(SEVEN, lines, "after")
            said.append("went on")

        await ctx.step.run("swallow", swallow)

    engine = await start([stubborn])
    async with engine.subscribe(SEVEN) as messages:
        sent = await engine.send(Asked())
        await entered.wait()
        await engine.cancel(sent.run_ids[0])
        assert await rest_of(engine, messages) == ["before"]
    assert said == ["swallowed"]


def _cancel(connection: sa.Connection, run_id: str) -> None:
    dbos_rows.cancel(connection, [run_id])


def _give_away(connection: sa.Connection, run_id: str) -> None:
    query = "UPDATE dbos.workflow_status SET executor_id='two' WHERE workflow_uuid=:run_id"
    connection.execute(sa.text(query), {"run_id": run_id})


async def test_a_run_is_silent_before_its_process_hears_that_it_was_cancelled(
    postgres: PostgresDatabase,
) -> None:
    await lost_run_is_silent(postgres, _cancel)


async def test_a_process_that_was_taken_for_dead_is_silent(postgres: PostgresDatabase) -> None:
    await lost_run_is_silent(postgres, _give_away)


async def lost_run_is_silent(
    database: PostgresDatabase, lose: Callable[[sa.Connection, str], None]
) -> None:
    gate, notes = Gate(), Notes()

    @job("unaware", on=Asked)
    async def unaware(ctx: JobContext[Asked]) -> None:
        async def work() -> None:
            gate.reached.set()
            await gate.go.wait()
            try:
                await ctx.publish(SEVEN, lines, "after")
            finally:
                notes.write("tried")

        await ctx.step.run("work", work)

    async with (
        Engine(jobs=[unaware], database=database) as engine,
        engine.subscribe(SEVEN) as messages,
    ):
        sent = await engine.send(Asked())
        await gate.reached.wait()
        in_database(database, lose, sent.run_ids[0])
        gate.go.set()
        await until(lambda: notes.lines == ["tried"])
        assert await rest_of(engine, messages) == []


async def test_a_large_message_is_read_where_somebody_listens_and_deleted_after_a_minute(
    postgres: PostgresDatabase,
) -> None:
    large = "x" * 100_000
    async with (
        Engine(jobs=[], database=postgres, works=False) as engine,
        engine.subscribe(SEVEN) as messages,
    ):
        await engine.publish(SEVEN, lines, large)
        assert await take(messages, 1) == [large]  # directly, not by way of the table
        [key] = in_database(postgres, _kept_keys)
        said = json.dumps(["another", "build:7", "lines", key])
        in_database(postgres, say_elsewhere, said)
        assert await take(messages, 1) == [large]
        in_database(postgres, forget_kept)
        assert in_database(postgres, _kept_keys) == [key]
        in_database(postgres, _age, 61_000)
        in_database(postgres, forget_kept)
        assert in_database(postgres, _kept_keys) == []
        in_database(postgres, say_elsewhere, said)
        with pytest.raises(TooSlow, match="a minute behind"):
            await take(messages, 1)


def _kept_keys(connection: sa.Connection) -> list[str]:
    return list(connection.execute(sa.select(tables.message.c.id)).scalars())


def _age(connection: sa.Connection, ms: int) -> None:
    connection.execute(sa.update(tables.message).values(at=tables.message.c.at - ms))


async def test_notices_that_mean_nothing_are_left(
    postgres: PostgresDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        Engine(jobs=[], database=postgres, works=False) as engine,
        engine.subscribe(SEVEN) as messages,
    ):
        for payload in ("", "5", "[1]", "{}", '["another"]\n["m"]\n1', '["a","b"]'):
            in_database(postgres, say_elsewhere, payload)
        good = WireMessage("m", "build:7", "lines", '"good"', None, 0).encode()
        in_database(postgres, say_elsewhere, f'["another"]\n{good}')
        assert await take(messages, 1) == ["good"]
    assert [record.message for record in caplog.records].count("notice_unreadable") == 6


class Stopped(SystemClock):
    """A clock that a test moves on."""

    def __init__(self) -> None:
        self.at = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


async def test_a_token_allows_its_topics_until_it_expires(sqlite: SqliteDatabase) -> None:
    clock = Stopped()
    async with Engine(jobs=[], database=sqlite, clock=clock) as engine:
        token = engine.subscription_token(SEVEN, [progress])
        clock.at += timedelta(seconds=59)
        async with engine.subscribe_with(token) as messages:
            clock.at += timedelta(hours=1)
            await engine.publish(SEVEN, lines, "not allowed")
            await engine.publish(SEVEN, progress, Progress(percent=1))
            assert await take(messages, 1) == [{"percent": 1}]  # it goes on after the expiry
        with pytest.raises(BadToken, match="has expired"):
            engine.subscribe_with(token)
        everything = engine.subscription_token("build:7", ttl="50ms")
        async with engine.subscribe_with(everything) as messages:
            await engine.publish(SEVEN, lines, "allowed")
            assert await take(messages, 1) == ["allowed"]
        with pytest.raises(BadChannel):
            engine.subscription_token(SEVEN, ["steps"])


async def test_a_forged_token_and_one_of_another_database_are_refused(
    sqlite: SqliteDatabase, postgres: PostgresDatabase
) -> None:
    async with Engine(jobs=[], database=postgres) as engine:
        foreign = engine.subscription_token(SEVEN)
    async with Engine(jobs=[], database=sqlite) as engine:
        good = engine.subscription_token(SEVEN)
        claims = jwt.decode(good, options={"verify_signature": False})
        unsigned = jwt.encode({**claims, "channel": "build:8"}, "", "none")
        secret = in_database(sqlite, signing_secret)
        strange = jwt.encode({"exp": claims["exp"]}, secret, "HS256")
        longer = jwt.encode({**claims, "exp": 2**40}, "x" * 32, "HS256")
        for token in (foreign, unsigned, strange, longer, good[:-1], "", "a.b.c"):
            with pytest.raises(BadToken, match="does not hold here"):
                engine.subscribe_with(token)
    async with Engine(jobs=[], database=sqlite) as later, later.subscribe_with(good):
        pass


async def test_processes_that_start_together_have_one_secret(database: Database) -> None:
    pool = database.connect()
    tables.create(pool)

    def ask() -> str:
        with pool.begin() as connection:
            return signing_secret(connection)

    found = await asyncio.gather(*(asyncio.to_thread(ask) for _ in range(8)))
    pool.dispose()
    assert len(set(found)) == 1


async def test_an_engine_that_does_not_run_says_so(sqlite: SqliteDatabase) -> None:
    engine = Engine(jobs=[], database=sqlite)
    with pytest.raises(EngineNotRunning):
        await engine.publish(SEVEN, lines, "hello?")
    with pytest.raises(EngineNotRunning):
        async with engine.subscribe(SEVEN):
            pass
    with pytest.raises(EngineNotRunning):
        engine.subscription_token(SEVEN)
