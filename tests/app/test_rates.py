"""One person's requests are counted by class, and do not slow those of others."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import cast

import pytest

from app.api.application import create_application
from app.errors import RateLimited
from app.rates.buckets import Buckets, MemoryBuckets
from app.rates.limits import FOLLOWING, STARTING, RateClass, RateLimits, class_of
from app.rates.postgres import PostgresBuckets
from app.services.context import Services
from app.settings import Settings
from core.clock import ManualClock, SystemClock
from core.ids import OwnerId, new_id
from engine import PostgresDatabase
from tests.support.api_client import Api, api_at
from tests.support.databases import postgres, postgres_server
from tests.support.issuer import NOW, Issuer
from tests.support.mortal_server import mortal_server
from tests.support.product import disposable

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
    async with PostgresBuckets(database.libpq, refusing()) as shared:
        yield shared


def refusing() -> Buckets:
    """In the place of those that decide while the database is away: it is not."""

    class Refusing:
        async def take(self, key: str, *, size: int, every_s: float) -> float:
            raise AssertionError(f"the database did not answer for {key} ({size}, {every_s})")

    return Refusing()


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
            await stack.enter_async_context(PostgresBuckets(postgres.libpq, refusing()))
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


async def test_a_class_of_zero_is_not_limited() -> None:
    limits = RateLimits(refusing(), dict.fromkeys(RateClass, 0))
    await limits.check(OwnerId("ada"), RateClass.MESSAGES)


async def test_classes_are_counted_apart() -> None:
    limits = RateLimits(MemoryBuckets(ManualClock(NOW)), dict.fromkeys(RateClass, 1))
    for kind in RateClass:
        await limits.check(OwnerId("ada"), kind)
        with pytest.raises(RateLimited):
            await limits.check(OwnerId("ada"), kind)


def test_the_routes_of_the_classes_are_routes() -> None:
    nothing = cast("Services", None)  # no request is made
    app = create_application(nothing, Settings.model_construct(), SystemClock())
    paths: dict[str, dict[str, object]] = app.openapi()["paths"]
    declared = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    named = {(method, path.replace(":path}", "}")) for method, path in STARTING | FOLLOWING}
    assert named <= declared


def test_a_route_is_of_the_class_of_its_method_as_a_rule() -> None:
    assert class_of("GET", "/api/messages/{message_id}") == RateClass.READS
    assert class_of("DELETE", "/api/messages") == RateClass.WRITES


@pytest.fixture(scope="module")
def strict(product_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A product where little is allowed in a minute."""
    rates = {
        "POLARIS_RATE_READS": "0",
        "POLARIS_RATE_WRITES": "4",
        "POLARIS_RATE_MESSAGES": "2",
        "POLARIS_RATE_STREAMS": "1",
    }
    folder = tmp_path_factory.mktemp("strict")
    with disposable(["dev"], folder=folder, env={**product_env, **rates}) as program:
        yield program.ready["api"]


@asynccontextmanager
async def person_at(url: str, issuer: Issuer) -> AsyncGenerator[Api]:
    owner = new_id("user")
    async with api_at(url, owner, issuer.token(owner)) as api:
        yield api


async def test_a_person_who_asks_too_often_is_told_when_to_try_again(
    strict: str, issuer: Issuer
) -> None:
    async with person_at(strict, issuer) as ada, person_at(strict, issuer) as bob:
        chat = await ada.conversation()
        sent = [await ada.send(chat, "hello") for _ in range(2)]
        body = {"conversationId": chat, "message": "hello"}
        refused = await ada.call("POST", "/api/messages", body)
        assert (refused.status, refused.body["code"]) == (429, "rate_limited")
        assert 1 <= int(refused.headers["Retry-After"]) <= 30
        retried = await ada.call("POST", f"/api/messages/{sent[0]['messageId']}/retry")
        assert retried.status == 429  # of the same class
        await bob.send(await bob.conversation(), "hello")
        for _ in range(10):  # reads are not limited here
            await ada.ok("GET", f"/api/conversations/{chat}/messages")
        run = f"/api/runs/{sent[1]['runId']}/realtime"
        assert [(await ada.call("POST", run)).status for _ in range(2)] == [200, 429]


async def test_a_refused_request_does_nothing_and_its_body_is_not_read(
    strict: str, issuer: Issuer
) -> None:
    async with person_at(strict, issuer) as ada:
        for number in range(4):
            await ada.project(f"p{number}")
        refused = await ada.call("POST", "/api/projects", data=b"{no json")
        assert (refused.status, refused.body["code"]) == (429, "rate_limited")
        assert len((await ada.ok("GET", "/api/projects"))["projects"]) == 4
