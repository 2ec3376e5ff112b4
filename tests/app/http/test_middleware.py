"""What surrounds a request, on an application that breaks on purpose."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession
from fastapi import FastAPI, Request

from app.http.errors import add_error_handlers
from app.http.middleware import BodyLimit, RequestFrame
from app.http.middleware.local_hosts import is_local_host
from app.http.serving.server import serving
from core.clock import SystemClock
from core.errors import Conflict, Transient

PRIVATE = "what nobody should see"


class Taken(Conflict):
    code = "taken"


@pytest.fixture
async def client() -> AsyncIterator[ClientSession]:
    app = FastAPI()

    @app.get("/bug")
    async def bug() -> None:
        raise RuntimeError(PRIVATE)

    @app.get("/taken")
    async def taken() -> None:
        raise Taken("it is taken; choose another")

    @app.get("/away")
    async def away() -> None:
        raise Transient(PRIVATE, retry_after_s=2.5)

    @app.post("/echo")
    async def echo(request: Request) -> int:
        return len(await request.body())

    add_error_handlers(app)
    app.add_middleware(BodyLimit, limit_bytes=1000, file_limit_bytes=2000, archive_limit_bytes=3000)
    app.add_middleware(RequestFrame, clock=SystemClock())
    async with serving(app, host="127.0.0.1", port=0, grace_s=5) as url, ClientSession(url) as http:
        yield http


async def test_a_bug_shows_an_id_and_nothing_of_the_inside(
    client: ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, logger="app.http.middleware"):
        async with client.get("/bug") as response:
            assert response.status == 500
            body = await response.json()
            assert response.headers["X-Request-Id"] == body["requestId"]
    assert set(body) == {"error", "code", "requestId"}
    assert PRIVATE not in str(body)
    (logged,) = [record for record in caplog.records if record.message == "request_broke"]
    assert vars(logged)["request_id"] == body["requestId"]


async def test_a_refusal_keeps_its_code_and_text(client: ClientSession) -> None:
    async with client.get("/taken") as response:
        assert response.status == 409
        assert await response.json() == {"error": "it is taken; choose another", "code": "taken"}


async def test_what_may_pass_says_when_to_come_back(client: ClientSession) -> None:
    async with client.get("/away") as response:
        assert response.status == 503
        assert response.headers["Retry-After"] == "3"
        assert PRIVATE not in await response.text()


async def test_the_last_byte_under_the_limit_is_taken(client: ClientSession) -> None:
    async with client.post("/echo", data=b"x" * 1000) as response:
        assert await response.json() == 1000
    async with client.post("/echo", data=b"x" * 1001) as response:
        assert response.status == 413


async def test_a_request_under_way_is_finished_before_the_server_stops() -> None:
    app = FastAPI()
    entered, leave = asyncio.Event(), asyncio.Event()

    @app.get("/slow")
    async def slow() -> str:
        entered.set()
        await leave.wait()
        return "done"

    async def ask(url: str) -> str:
        async with ClientSession() as http, http.get(f"{url}/slow") as response:
            return await response.json()

    async with (
        asyncio.TaskGroup() as tasks,
        serving(app, host="127.0.0.1", port=0, grace_s=5) as url,
    ):
        answer = tasks.create_task(ask(url))
        await entered.wait()
        asyncio.get_running_loop().call_later(0.2, leave.set)  # after the stop has begun
    assert answer.result() == "done"


class Heard(logging.Handler):
    """Tells when an event is logged."""

    def __init__(self, event: str) -> None:
        super().__init__()
        self._event = event
        self.came = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() == self._event:
            self.came.set()


async def test_a_client_that_leaves_in_the_middle_of_its_body_is_no_bug(
    client: ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    async with client.get("/taken") as response:
        url = response.url
    left = Heard("client_left")
    logging.getLogger("app.http.middleware").addHandler(left)
    with caplog.at_level(logging.INFO, logger="app.http.middleware"):
        _, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nhalf")
        await writer.drain()
        writer.close()
        async with asyncio.timeout(5):
            await left.came.wait()
    logging.getLogger("app.http.middleware").removeHandler(left)
    assert "request_broke" not in caplog.messages


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.1:8787", "localhost:1", "[::1]:8787", "LocalHost.", "app.localhost:80"],
)
def test_names_of_this_machine_are_local(host: str) -> None:
    assert is_local_host(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "evil.example:8787",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "notlocalhost",
        "192.168.0.7:8787",
        "127.0.0.1@evil.example",
        "[::]",
        "10.0.0.1",
    ],
)
def test_other_names_are_not(host: str) -> None:
    assert not is_local_host(host)
