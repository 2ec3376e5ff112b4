"""Token buckets: those of one process, and those that processes on one PostgreSQL share."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack

import pytest

from app.http.rates.buckets import Buckets, MemoryBuckets
from app.http.rates.postgres import PostgresBuckets
from core.clock import ManualClock, SystemClock
from engine import PostgresDatabase
from tests.app.http.rates.refusing import Refusing
from tests.support.databases import postgres, postgres_server
from tests.support.issuer import NOW
from tests.support.mortal_server import mortal_server

__all__ = ["postgres", "postgres_server"]

pytestmark = pytest.mark.timeout(60)

SLOWLY_S = 3600.0  # so that no token comes while the test runs


@pytest.fixture(params=["memory", "postgres"])
async def buckets(request: pytest.FixtureRequest) -> AsyncGenerator[Buckets]:
    alone = MemoryBuckets(SystemClock())
    if request.param == "memory":
        yield alone
        return
    database: PostgresDatabase = request.getfixturevalue("postgres")
    async with PostgresBuckets(database.libpq, Refusing()) as shared:
        yield shared


async def taken(buckets: Buckets, key: str, *, size: int, times: int) -> list[float]:
    return [await buckets.take(key, size=size, every_s=SLOWLY_S) for _ in range(times)]


async def test_a_bucket_is_full_at_first_and_then_says_how_long_to_wait(buckets: Buckets) -> None:
    assert await taken(buckets, "ada", size=3, times=3) == [0, 0, 0]
    wait_s = await buckets.take("ada", size=3, every_s=SLOWLY_S)
    assert SLOWLY_S - 30 < wait_s <= SLOWLY_S
    again_s = await buckets.take("ada", size=3, every_s=SLOWLY_S)  # a refusal costs nothing
    assert wait_s - 30 < again_s <= wait_s


async def test_a_bucket_of_one_holds_one(buckets: Buckets) -> None:
    first, second = await taken(buckets, "ada", size=1, times=2)
    assert first == 0
    assert second > 0


async def test_every_key_has_its_own_bucket(buckets: Buckets) -> None:
    assert (await taken(buckets, "ada", size=1, times=2))[-1] > 0
    assert await taken(buckets, "bob", size=1, times=1) == [0]


async def test_a_token_is_there_after_the_time_that_was_said(buckets: Buckets) -> None:
    every_s = 0.5
    assert await buckets.take("ada", size=1, every_s=every_s) == 0
    wait_s = await buckets.take("ada", size=1, every_s=every_s)
    assert 0 < wait_s <= every_s
    await asyncio.sleep(wait_s + 0.02)  # the time itself is what is tested
    assert await buckets.take("ada", size=1, every_s=every_s) == 0


async def test_requests_at_once_get_no_more_than_the_bucket_holds(buckets: Buckets) -> None:
    takes = [buckets.take("ada", size=20, every_s=SLOWLY_S) for _ in range(50)]
    assert [wait_s == 0 for wait_s in await asyncio.gather(*takes)].count(True) == 20


async def test_processes_on_one_postgresql_share_their_buckets(postgres: PostgresDatabase) -> None:
    async with AsyncExitStack() as stack:
        processes = [
            await stack.enter_async_context(PostgresBuckets(postgres.libpq, Refusing()))
            for _ in range(3)
        ]
        takes = [
            process.take("ada", size=10, every_s=SLOWLY_S) for process in processes * 10
        ]  # all begin at once, the making of the table included
        assert [wait_s == 0 for wait_s in await asyncio.gather(*takes)].count(True) == 10


async def test_a_database_that_is_away_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    with mortal_server() as server:
        database = server.fresh()
        alone = MemoryBuckets(SystemClock())
        async with PostgresBuckets(database.libpq, alone) as shared:
            assert await taken(shared, "ada", size=2, times=2) == [0, 0]
            await asyncio.to_thread(server.crash)
            assert await taken(shared, "ada", size=2, times=2) == [0, 0]
            assert (await taken(shared, "ada", size=2, times=1))[0] > 0  # this process counts
            assert caplog.messages.count("rates_not_shared") == 1


async def test_memory_is_bounded() -> None:
    clock = ManualClock(NOW)
    buckets = MemoryBuckets(clock, most=100)
    for number in range(100):
        await buckets.take(f"early {number}", size=1, every_s=1)
    clock.advance(2)
    await buckets.take("late", size=1, every_s=SLOWLY_S)  # the full ones make room
    for number in range(150):
        await buckets.take(f"later {number}", size=1, every_s=SLOWLY_S)
    assert await buckets.take("later 149", size=1, every_s=SLOWLY_S) > 0
    assert await buckets.take("late", size=1, every_s=SLOWLY_S) == 0  # forgotten
