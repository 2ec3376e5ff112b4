"""Realtime messages between processes on one PostgreSQL."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
import sqlalchemy as sa

from engine import (
    Engine,
    PostgresDatabase,
    TooSlow,
)
from engine.realtime.messages import WireMessage
from engine.realtime.publisher import forget_kept
from engine.storage import tables
from tests.engine.listening import SEVEN, take
from tests.engine.realtime_worker import Progress, lines, report
from tests.engine.things import Asked, in_database
from tests.support.waiting import until


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
