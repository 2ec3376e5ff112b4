"""Tokens with which somebody may subscribe."""

import asyncio
from datetime import UTC, datetime, timedelta

import jwt
import pytest

from core.clock import SystemClock
from engine import (
    BadChannel,
    BadToken,
    Database,
    Engine,
    PostgresDatabase,
    SqliteDatabase,
)
from engine.realtime.tokens import signing_secret
from engine.storage import tables
from tests.engine.listening import SEVEN, take
from tests.engine.realtime_worker import Progress, lines, progress
from tests.engine.things import in_database


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
