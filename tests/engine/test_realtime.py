"""Realtime channels: typed messages to those who listen now, in this process and in others."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from engine import (
    BadChannel,
    BadMessage,
    BadToken,
    Channel,
    Database,
    Engine,
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
from engine.realtime.hub import WAITING
from tests.engine.conftest import Start
from tests.engine.realtime_worker import Progress, build, lines, progress, report
from tests.engine.things import QUICK, Asked, Notes, until

SEVEN = build.of("7")


async def take(messages: AsyncIterator[Message[Any]], count: int) -> list[Any]:
    """The data of the next messages."""
    async with asyncio.timeout(5):
        return [(await anext(messages)).data for _ in range(count)]


async def nothing_comes(engine: Engine, messages: Messages[Any]) -> bool:
    """Whether what is said now is the first thing to come: nothing was on the way before it."""
    await engine.publish(messages.address.channel, "lines", "the end")
    return await take(messages, 1) == ["the end"]


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
