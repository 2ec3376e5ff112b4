"""What clients send that no front end sends: floods, frames without end, nonsense."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from starlette.types import Message, Receive, Scope, Send

from app.http.middleware import LocalHosts
from app.http.terminal import INPUT_BYTES, MAX_MISTAKES
from tests.support.api_client import Api
from tests.support.terminals import Client, terminal_of
from tools.sandbox.sandbox import Sandbox

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
async def terminal(api: Api) -> AsyncIterator[Client]:
    async with Sandbox(kinds=["bubblewrap"]) as sandbox:
        if sandbox.kind is None:
            pytest.skip("this machine has no user namespaces")
    project_id = await api.project()
    async with terminal_of(api, project_id) as client:
        await client.until_told("session")
        await client.until_shown("~ $ ")
        yield client
    await api.ok("DELETE", f"/api/projects/{project_id}")


async def still_works(terminal: Client) -> None:
    await terminal.type("echo st''ill\n")
    await terminal.until_shown("still\r\n")


NONSENSE: dict[str, Any] = {
    "no JSON": "{",
    "no object": "[]",
    "no type": "{}",
    "another type": {"type": "exec", "data": "rm"},
    "a field too many": {"type": "resize", "cols": 80, "rows": 24, "x": 1},
    "a huge size": {"type": "resize", "cols": 1_000_000_000, "rows": 24},
    "no size": {"type": "resize", "cols": 0, "rows": 24},
    "a negative size": {"type": "resize", "cols": 80, "rows": -1},
    "a size of text": {"type": "resize", "cols": "80", "rows": 24},
    "a size of a fraction": {"type": "resize", "cols": 80.5, "rows": 24},
    "half a character": '{"type": "input", "data": "\\ud83d"}',
    "deep": "[" * 30_000,
    "a large number": '{"type": "resize", "cols": 1e999, "rows": 24}',
}


@pytest.mark.parametrize("message", NONSENSE.values(), ids=NONSENSE)
async def test_nonsense_is_answered_and_changes_nothing(terminal: Client, message: Any) -> None:
    text = message if isinstance(message, str) else json.dumps(message)
    await terminal.socket.send_str(text)
    assert (await terminal.until_told("error"))["code"] == "invalid_message"
    await still_works(terminal)
    await terminal.type("stty size\n")
    await terminal.until_shown("\r30 100\r\n")


async def test_who_goes_on_with_nonsense_is_cut_off(terminal: Client) -> None:
    for _ in range(MAX_MISTAKES):
        await terminal.socket.send_str("{")
    assert await terminal.until_closed() == 1008


@pytest.mark.parametrize("size", [INPUT_BYTES + 1, 1024 * 1024 + 1, 3_000_000])
@pytest.mark.parametrize("is_text", [True, False], ids=["text", "binary"])
async def test_a_frame_that_is_too_large_ends_the_connection(
    terminal: Client, size: int, is_text: bool
) -> None:
    try:
        if is_text:
            await terminal.socket.send_str("x" * (2 * size))
        else:
            await terminal.socket.send_bytes(b"x" * size)
    except (aiohttp.ClientConnectionError, OSError):
        return  # it was closed while we were still sending
    assert await terminal.until_closed() in {1009, 1006}


async def test_a_flood_of_input_is_held_back_and_the_server_answers_others(
    api: Api, terminal: Client
) -> None:
    await terminal.type("stty raw -echo; echo r''aw; head -c 8000000 | wc -c; stty sane\n")
    await terminal.until_shown("raw")

    async def flood() -> None:
        for _ in range(200):
            await terminal.socket.send_bytes(b"\n" * 40_000)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(flood())
        for _ in range(20):
            assert (await api.call("GET", "/api/projects")).status == 200
    await terminal.until_shown("8000000")


async def test_a_flood_of_output_reaches_a_slow_client_whole(terminal: Client) -> None:
    await terminal.type("seq 1 300000; echo do''ne\n")
    await asyncio.sleep(0.5)  # it takes nothing meanwhile
    text = await terminal.until_shown("done\r\n")
    numbers = [line for line in text.split("\r\n") if line.isdigit()]
    assert numbers == [str(number) for number in range(2, 300_001)]  # the first has a prefix


@pytest.mark.parametrize("junk", [b"\x83\xff" * 50, b"GET / HTTP"], ids=["frames", "http"])
async def test_what_is_no_websocket_frame_ends_the_connection(api: Api, junk: bytes) -> None:
    url = urlsplit(api.url)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    head = (
        f"GET /api/projects/{await api.project()}/terminal HTTP/1.1\r\nHost: {url.netloc}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n"
    )
    writer.write(head.encode() + junk)
    async with asyncio.timeout(30):
        await reader.read()  # to the end
    writer.close()
    assert (await api.call("GET", "/api/projects")).status == 200


@pytest.mark.parametrize(
    ("host", "reaches"), [("127.0.0.1:8787", True), ("evil.example", False), ("", False)]
)
async def test_a_page_whose_name_became_this_machines_opens_none(host: str, reaches: bool) -> None:
    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        reached.append(host)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    reached: list[str] = []
    sent: list[Message] = []
    scope: Scope = {"type": "websocket", "headers": [(b"host", host.encode())]}
    await LocalHosts(app)(scope, receive, send)
    assert reached == ([host] if reaches else [])
    assert sent == ([] if reaches else [{"type": "websocket.close", "code": 1008}])
