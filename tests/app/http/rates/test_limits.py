"""One person's requests are counted by class, and do not slow those of others."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from typing import cast

import pytest

from app.http.application import create_application
from app.http.context import Services
from app.http.rates.buckets import MemoryBuckets
from app.http.rates.limits import (
    FOLLOWING,
    STARTING,
    RateClass,
    RateLimited,
    RateLimits,
    class_of,
)
from app.settings import Settings
from core.clock import ManualClock, SystemClock
from core.ids import OwnerId, new_id
from tests.app.http.rates.refusing import Refusing
from tests.support.api_client import Api, api_at
from tests.support.issuer import NOW, Issuer
from tests.support.product import disposable

pytestmark = pytest.mark.timeout(60)


async def test_a_class_of_zero_is_not_limited() -> None:
    limits = RateLimits(Refusing(), dict.fromkeys(RateClass, 0))
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
