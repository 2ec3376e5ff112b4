"""Realtime channels over HTTP: tokens for a run's owner, Server-Sent Events for their bearer."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple
from urllib.parse import quote

import aiohttp
import pytest
from fastapi import FastAPI

from app.http import realtime
from app.http.errors import add_error_handlers
from app.http.middleware import RequestFrame
from app.http.serving.server import serving
from app.services.streams import Streams
from core.clock import SystemClock
from engine import Channel, Engine, Messages, SqliteDatabase, Topic
from tests.app.conftest import NewPerson
from tests.support.api_client import Api
from tests.support.product import Program
from tests.support.waiting import until

lines = Topic("lines", str)
build = Channel("build", lines, Topic("log", dict[str, str]))
SEVEN = build.of("7")


class Told(NamedTuple):
    """A message as a client gets it."""

    id: str
    topic: str
    data: dict[str, Any]


class Counted(Streams):
    """Counts those who have left."""

    left = 0

    @asynccontextmanager
    async def open(self, token: str) -> AsyncGenerator[Messages[Any]]:
        async with super().open(token) as messages:
            yield messages
        self.left += 1


class Site:
    """The route alone, over an engine without jobs."""

    def __init__(self, engine: Engine, streams: Counted, http: aiohttp.ClientSession) -> None:
        self.engine = engine
        self.streams = streams
        self.http = http

    @asynccontextmanager
    async def follow(self, token: str) -> AsyncGenerator[aiohttp.ClientResponse]:
        """A stream that has begun: what is published from now on comes."""
        async with self.http.get("/api/realtime", params={"token": token}) as response:
            if response.status == 200:
                assert await event(response) == [": connected"]
            yield response


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    app = FastAPI()
    app.include_router(realtime.router)
    add_error_handlers(app)
    app.add_middleware(RequestFrame, clock=SystemClock())
    async with Engine(jobs=[], database=SqliteDatabase(tmp_path / "engine.db")) as engine:
        streams = Counted(engine)
        app.state.services = SimpleNamespace(streams=streams)
        async with (
            serving(app, host="127.0.0.1", port=0, grace_s=5) as url,
            aiohttp.ClientSession(url) as http,
        ):
            yield Site(engine, streams, http)
            streams.close()


async def event(response: aiohttp.ClientResponse) -> list[str]:
    """The lines of the next block; none at the end of the stream."""
    block: list[str] = []
    async with asyncio.timeout(5):
        while line := (await response.content.readline()).decode().removesuffix("\n"):
            block.append(line)
    return block


async def test_messages_arrive_as_server_sent_events(site: Site) -> None:
    async with site.follow(site.engine.subscription_token(SEVEN)) as response:
        assert response.status == 200
        assert response.headers["Content-Type"].startswith("text/event-stream")
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["X-Accel-Buffering"] == "no"
        await site.engine.publish(SEVEN, lines, "naïve\n")
        await site.engine.publish(build.of("8"), lines, "elsewhere")
        await site.engine.publish(SEVEN, "log", {"level": "info"})
        first, second = await event(response), await event(response)
    assert first[0].startswith("id: msg_")
    assert first[1:] == ["event: lines", 'data: "naïve\\n"']
    assert second[1:] == ["event: log", 'data: {"level":"info"}']


async def test_the_token_says_which_topics(site: Site) -> None:
    async with site.follow(site.engine.subscription_token(SEVEN, ["log"])) as response:
        await site.engine.publish(SEVEN, lines, "not this")
        await site.engine.publish(SEVEN, "log", {"level": "info"})
        assert (await event(response))[1] == "event: log"


async def test_a_bad_token_is_401(site: Site) -> None:
    head, _, signature = site.engine.subscription_token(SEVEN).rpartition(".")
    expired = site.engine.subscription_token(SEVEN, ttl=0)
    for token in ("", "nonsense", f"{head}.{signature[::-1]}", expired):
        async with site.follow(token) as response:
            assert response.status == 401
            body = await response.json()
        assert set(body) == {"error", "code"}
        assert body["code"] == "bad_token"


async def test_a_silent_channel_gets_heartbeats(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(realtime, "HEARTBEAT_S", 0.05)
    async with site.follow(site.engine.subscription_token(SEVEN)) as response:
        assert await event(response) == [": still here"]
        await site.engine.publish(SEVEN, lines, "after that")
        while (block := await event(response)) == [": still here"]:
            pass
    assert block[2] == 'data: "after that"'


async def test_a_client_that_leaves_is_forgotten(site: Site) -> None:
    async with site.follow(site.engine.subscription_token(SEVEN)):
        assert site.streams.left == 0
    await until(lambda: site.streams.left == 1)


async def test_streams_end_when_the_server_stops(site: Site) -> None:
    async with site.follow(site.engine.subscription_token(SEVEN)) as response:
        await site.engine.publish(SEVEN, lines, "the last")
        site.streams.close()
        assert (await event(response))[2] == 'data: "the last"'
        assert await event(response) == []
    async with site.follow(site.engine.subscription_token(SEVEN)) as late:
        assert await event(late) == []


@pytest.mark.timeout(60)  # the first test of a session starts the product
async def test_a_runs_owner_follows_it_and_nobody_else(
    new_person: NewPerson, product: Program
) -> None:
    ada, eve = await new_person(), await new_person()
    sent = await ada.send(await ada.conversation(), "hello")
    path = f"/api/runs/{quote(sent['runId'], safe='')}/realtime"
    allowed = await ada.ok("POST", path)
    assert allowed["channel"] == f"run:{sent['runId']}"
    assert (await eve.call("POST", path)).status == 404
    async with aiohttp.ClientSession(ada.url) as nobody:
        stream = f"/api/realtime?token={allowed['token']}"
        async with nobody.get(stream) as response:
            assert response.status == 200
            assert await event(response) == [": connected"]
        async with nobody.get(stream[:-1]) as response:
            assert response.status == 401
    await until(lambda: product.log.read_text().count("path=/api/realtime") >= 2)
    assert allowed["token"] not in product.log.read_text()


@asynccontextmanager
async def following(api: Api, path: str) -> AsyncGenerator[Callable[[], Awaitable[Told]]]:
    """The next message that is said on the channel of a token from `path`."""
    allowed = await api.ok("POST", path)
    async with (
        aiohttp.ClientSession(api.url) as http,
        http.get("/api/realtime", params={"token": allowed["token"]}) as response,
    ):
        assert await event(response) == [": connected"]

        async def told() -> Told:
            while len(block := await event(response)) == 1:
                pass
            message_id, topic, data = (line.partition(": ")[2] for line in block)
            return Told(message_id, topic, json.loads(data))

        yield told


async def until_state(told: Callable[[], Awaitable[Told]], state: str) -> list[Told]:
    """What is said until the run is in this state."""
    heard: list[Told] = []
    while not heard or heard[-1].data.get("state") != state:
        heard.append(await told())
    return heard


@pytest.mark.timeout(60)
async def test_a_run_says_how_it_goes_and_its_project_how_it_stands(new_person: NewPerson) -> None:
    ada = await new_person()
    project = await ada.project()
    conversation = await ada.conversation(project)
    async with following(ada, f"/api/projects/{project}/realtime") as of_project:
        sent = await ada.send(conversation, "ask me something")
        run_id = sent["runId"]
        states = await until_state(of_project, "asking")
        assert [each.data["state"] for each in states] == ["running", "asking"]
        assert {each.data["runId"] for each in states} == {run_id}
        assert states[0].data["job"] == "process-message"
        assert states[0].data["about"] == {
            "messageId": sent["messageId"],
            "conversationId": conversation,
        }
        ask_id = states[1].data["askId"]
        async with following(ada, f"/api/runs/{quote(run_id, safe='')}/realtime") as of_run:
            await ada.ok("POST", f"/api/asks/{ask_id}/answer", {"choice": "red"})
            heard = await until_state(of_run, "completed")
        states = await until_state(of_project, "completed")
    assert [each.data["state"] for each in states] == ["running", "completed"]
    assert [each.data["state"] for each in heard if each.topic == "state"] == [
        "running",
        "completed",
    ]
    steps = [
        (each.data["stepId"], each.data["status"])
        for each in heard
        if each.topic == "step" and each.data["kind"] == "run"
    ]
    assert [status for _, status in steps] == ["started", "completed"] * (len(steps) // 2)
    assert [name.split("-")[0] for name, _ in steps[::2]] == ["tool", "turn", "finish"]
    (turn,) = [each.data for each in heard if each.topic == "turn"]
    assert (turn["turn"], turn["calls"]) == (1, [])
    assert turn["model"]
    assert turn["usage"]["outputTokens"] > 0
    assert len({each.id for each in heard}) == len(heard)


async def test_a_project_is_followed_by_its_owner_only(new_person: NewPerson) -> None:
    ada, eve = await new_person(), await new_person()
    project = await ada.project()
    path = f"/api/projects/{project}/realtime"
    assert (await ada.ok("POST", path))["channel"] == f"project:{project}"
    assert (await eve.call("POST", path)).status == 404
    assert (await ada.call("POST", "/api/projects/nonsense/realtime")).status == 404
    await ada.ok("DELETE", f"/api/projects/{project}")
    assert (await ada.call("POST", path)).status == 404


async def test_a_list_of_runs_says_how_ones_own_stand(new_person: NewPerson) -> None:
    ada, eve = await new_person(), await new_person()
    async with (
        following(ada, "/api/runs/realtime") as of_ada,
        following(eve, "/api/runs/realtime") as of_eve,
    ):
        sent = await ada.send(await ada.conversation(), "hello")
        states: list[str] = []
        while states[-1:] != ["completed"]:
            news = await of_ada()
            if news.data.get("runId") == sent["runId"]:
                states.append(news.data["state"])
        assert states == ["queued", "running", "completed"]
        hers = await eve.send(await eve.conversation(), "hello")
        first = await of_eve()
        assert (first.topic, first.data["runIds"]) == ("event", [hers["runId"]])
