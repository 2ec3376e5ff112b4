"""Clients of the embedded Convex that lie, flood, or never read: refused, bounded, alone in it."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import psutil
import pytest
import pytest_asyncio

from core.ids import new_id
from embedded_convex.process import EmbeddedConvex
from tests.embedded_convex.api import Api, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

MIB = 1 << 20
CONNECT = {"type": "Connect", "sessionId": "s", "connectionCount": 0, "lastCloseReason": None}
ADD = {"type": "Add", "queryId": 0, "udfPath": "notes:echo", "args": [{"value": 1}]}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[EmbeddedConvex, Api]]:
    data = tmp_path_factory.mktemp("hostile") / "data.sqlite"
    async with serving("basic", data, env={"GREETING": "hello"}) as running:
        yield running


@pytest.fixture
def api(served: tuple[EmbeddedConvex, Api]) -> Api:
    return served[1]


def modify(*modifications: Any, **more: Any) -> dict[str, Any]:
    versions = {"baseVersion": 0, "newVersion": 1, **more}
    return {"type": "ModifyQuerySet", **versions, "modifications": list(modifications)}


def mutation(**more: Any) -> dict[str, Any]:
    return {
        "type": "Mutation",
        "requestId": 0,
        "udfPath": "notes:store",
        "args": [{"value": 1}],
    } | more


LIES: list[Any] = [
    None,
    1,
    [],
    "text",
    {"type": "__proto__"},
    {**CONNECT, "sessionId": {"session": 1}},
    {**CONNECT, "sessionId": "s" * 1000},
    {**CONNECT, "maxObservedTimestamp": {}},
    {**CONNECT, "maxObservedTimestamp": "AA"},
    {**CONNECT, "maxObservedTimestamp": "//////////8="},
    modify(ADD, newVersion="1"),
    modify(ADD, baseVersion=7),
    modify() | {"modifications": 7},
    modify(None),
    modify({"type": "Replace"}),
    modify({**ADD, "queryId": {}}),
    modify({**ADD, "udfPath": 7}),
    modify({**ADD, "udfPath": "p" * 10_000}),
    modify({**ADD, "journal": {}}),
    {"type": "Authenticate", "baseVersion": 0, "tokenType": "Root"},
    {"type": "Authenticate", "baseVersion": 0, "tokenType": "User", "value": {}},
    mutation(requestId={"a": 1}),
    mutation(requestId='0,"success":true'),
    mutation(requestId=-1),
    mutation(udfPath=None),
    {"type": "Action", "requestId": 0},
]


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: json.dumps(lie)[:60])
async def test_what_is_no_message_of_the_protocol_ends_the_session(api: Api, lie: object) -> None:
    async with api.http.ws_connect(f"{api.url}/api/sync") as websocket:
        await websocket.send_json(lie)
        async with asyncio.timeout(8):
            last = await websocket.receive_json()
            await websocket.receive()
    assert last["type"] == "FatalError"
    assert websocket.close_code == 1008
    assert await api.query("notes:echo", value=1) == 1


@pytest.mark.parametrize("text", ["[" * 1_000_000, "{", "\x00"], ids=["deep", "half", "nul"])
async def test_what_is_no_json_ends_the_session(api: Api, text: str) -> None:
    async with api.http.ws_connect(f"{api.url}/api/sync") as websocket:
        await websocket.send_str(text)
        async with asyncio.timeout(8):
            assert (await websocket.receive_json())["type"] == "FatalError"


class Flood:
    """A client that sends without end and never reads, on a bare socket."""

    def __init__(self, url: str) -> None:
        target = urlsplit(url)
        self._socket = socket.create_connection((target.hostname or "", target.port or 0))
        self._socket.sendall(
            f"GET /api/sync HTTP/1.1\r\nHost: {target.netloc}\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        assert self._socket.recv(65_536).startswith(b"HTTP/1.1 101")
        self._socket.setblocking(False)

    def _frame(self, message: object) -> bytes:
        payload = json.dumps(message).encode()
        return b"\x81\xff" + len(payload).to_bytes(8, "big") + b"\0\0\0\0" + payload

    async def send_until_stuck(self, messages: list[dict[str, Any]]) -> int:
        """Send all; how many bytes were taken before the server read no more for 2 s."""
        loop = asyncio.get_running_loop()
        taken = 0
        for message in messages:
            rest = memoryview(self._frame(message))
            while rest:
                try:
                    async with asyncio.timeout(2):
                        await loop.sock_sendall(self._socket, rest[: 1 << 16])
                except TimeoutError:
                    return taken
                taken += len(rest[: 1 << 16])
                rest = rest[1 << 16 :]
        return taken

    def close(self) -> None:
        self._socket.close()


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["Mutation", "Action"])
async def test_a_client_that_never_reads_is_not_read_either(
    served: tuple[EmbeddedConvex, Api], kind: str
) -> None:
    convex, api = served
    text = "x" * MIB
    path = {"Mutation": "large:mutate", "Action": "large:act"}[kind]
    await api.query("notes:echo", value=text)
    process = psutil.Process(convex.pid)
    flood = Flood(api.url)
    before = process.memory_info().rss
    calls = [
        {"type": kind, "requestId": number, "udfPath": path, "args": [{"value": text}]}
        for number in range(120)
    ]
    try:
        taken = await flood.send_until_stuck([CONNECT, *calls])
        assert taken < 60 * MIB
        assert process.memory_info().rss - before < 250 * MIB
        assert await api.query("notes:echo", value=1) == 1
    finally:
        flood.close()


async def test_a_session_watches_a_bounded_amount(api: Api) -> None:
    async with api.http.ws_connect(f"{api.url}/api/sync") as websocket:
        await websocket.send_json({**CONNECT, "sessionId": new_id("s")})
        with suppress(ConnectionError):  # closed while the last of it is under way
            for number in range(12):
                args = [{"name": f"{number}" + "x" * 3 * MIB}]
                add = {**ADD, "queryId": number, "udfPath": "runtime:env", "args": args}
                await websocket.send_json(modify(add, baseVersion=number, newVersion=number + 1))
        async with asyncio.timeout(20):
            while (await websocket.receive()).type not in {
                aiohttp.WSMsgType.CLOSE,
                aiohttp.WSMsgType.CLOSED,
                aiohttp.WSMsgType.ERROR,
            }:
                pass
    assert await api.query("notes:echo", value=1) == 1


async def test_arguments_nested_without_end_are_the_callers_fault(api: Api) -> None:
    deep = b'[{"a":' * 60_000 + b"1" + b"}]" * 60_000
    body = b'{"path":"notes:echo","args":{"value":' + deep + b"}}"
    async with api.http.post(f"{api.url}/api/query", data=body) as response:
        reply = await response.json()
    assert "ArgumentValidationError" in reply["errorMessage"]


@pytest.mark.parametrize("body", [b"null", b"1", b'"text"', b"[]"])
@pytest.mark.parametrize("path", ["/api/query", "/api/run/notes/echo", "/api/query_batch"])
async def test_a_body_of_another_shape_is_the_callers_fault(
    api: Api, path: str, body: bytes
) -> None:
    async with api.http.post(f"{api.url}{path}", data=body) as response:
        assert response.status in {200, 400}
        assert "error" in await response.text() or response.status == 400


async def test_a_path_that_is_too_long_is_not_repeated(api: Api) -> None:
    status, reply = await api.post("/api/query", {"path": "p" * 100_000, "args": {}})
    assert status == 400
    assert len(json.dumps(reply)) < 1000


async def test_an_uploaded_page_does_not_run_on_our_address(api: Api) -> None:
    page = b"<script>fetch('/api/query')</script>"
    target = await api.mutation("files:uploadUrl")
    async with api.http.post(target, data=page, headers={"Content-Type": "text/html"}) as response:
        storage_id = (await response.json())["storageId"]
    async with api.http.get(await api.query("files:url", id=storage_id)) as response:
        assert response.headers["Content-Security-Policy"] == "script-src 'none'"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
