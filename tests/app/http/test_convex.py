"""Convex under the origin of the API, for its official clients and for who means harm."""

import asyncio
import http.client
import json
from asyncio.subprocess import PIPE
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from app.http.convex import is_inside
from core.node import NODE
from tests.support.api_client import Api
from tests.support.product import Program

pytestmark = pytest.mark.timeout(120)
CLIENT = Path(__file__).with_name("convex_client.ts")


async def test_the_official_clients_work_over_the_origin(api: Api) -> None:
    client = await asyncio.create_subprocess_exec(
        *(NODE, "--disable-warning=ExperimentalWarning", str(CLIENT), api.url, api.token),
        stdout=PIPE,
    )
    assert client.stdout is not None

    async def line() -> str:
        assert client.stdout is not None
        return (await client.stdout.readline()).decode().strip()

    assert await line() == "by http"
    seen = [await line()]
    while seen[-1] != "by http,by socket":
        seen.append(await line())
    await api.project("the end")  # by the API: the socket tells of it
    assert "the end" in await line()
    assert await client.wait() == 0


def raw(api: Api, method: str, path: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
    """A request whose path nobody puts in order."""
    connection = http.client.HTTPConnection(urlsplit(api.url).netloc, timeout=20)
    try:
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
OUT = (
    *("/convex/../api/projects", "/convex/api/../../api/projects", "/convex/api/..%2f..%2fhealth"),
    *("/convex/%2e%2e/api/health", "/convex/api/%252e%252e/x", "/convex/api/..%5cx", "/convex/"),
    *("/convex//evil.example/api/", "/convex/dashboard", "/convex/api/./x"),
)


@pytest.mark.parametrize("path", OUT)
async def test_no_path_climbs_out(api: Api, path: str) -> None:
    status, body = await asyncio.to_thread(raw, api, "GET", path)
    assert (status, json.loads(body)["code"]) == (400, "invalid_request")
    assert (await asyncio.to_thread(raw, api, "GET", path, UPGRADE))[0] == 400


def test_a_path_is_read_as_anybody_may_read_it() -> None:
    assert is_inside("/api/query")
    assert is_inside("/api/run/messages/list")
    assert is_inside("/http/hook%20one")
    assert not is_inside("/api/%25252525252e%25252525252e/x")


async def test_a_foreign_page_gets_nothing(api: Api) -> None:
    foreign = {"Origin": "https://evil.example"}
    answer = await api.call("GET", "/convex/version", headers=foreign)
    assert (answer.status, answer.body["code"]) == (403, "foreign_origin")
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await api.session.ws_connect("/convex/api/1.0.0/sync", headers=foreign)


async def test_a_configured_page_may_ask(api: Api) -> None:
    headers = {"Origin": "https://ide.example"}
    answer = await api.call("GET", "/convex/version", headers=headers)
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "https://ide.example"


async def test_an_error_of_convex_passes_as_it_is(api: Api, product: Program) -> None:
    body: dict[str, object] = {"path": "no:such", "args": dict[str, object]()}
    ours = await api.call("POST", "/convex/api/query", body)
    theirs = await api.call("POST", f"{product.ready['convex']}/api/query", body)
    assert ours.status == theirs.status
    words = [each.body["errorMessage"].partition("]")[2] for each in (ours, theirs)]  # after an id
    assert words[0] == words[1] != ""


async def test_a_stored_file_passes_byte_for_byte_and_is_no_page_of_ours(api: Api) -> None:
    project, data = await api.project(), bytes(range(256)) * 4_000
    await api.ok("PUT", f"/api/projects/{project}/files/a.bin", data=data)
    files = (await api.ok("GET", f"/api/projects/{project}/files"))["files"]
    body: dict[str, object] = {"path": "files:getFile", "args": {"id": files[0]["fileId"]}}
    told = (await api.ok("POST", "/convex/api/query", body))["value"]
    path = "/convex" + urlsplit(str(told["storageUrl"])).path
    answer = await api.call("GET", path)
    assert answer.body == data
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    part = await api.call("GET", path, headers={"Range": "bytes=1-3"})
    assert (part.status, part.body) == (206, b"\x01\x02\x03")


async def test_what_passes_is_bounded(api: Api) -> None:
    large = b"x" * (21 * 1024 * 1024)
    answer = await api.call("POST", "/convex/api/query", data=large)
    assert (answer.status, answer.body["code"]) == (413, "body_too_large")


async def test_a_stored_page_is_no_page_of_ours(api: Api) -> None:
    answer = await api.call("GET", "/convex/api/storage/none")
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "Set-Cookie" not in answer.headers


async def test_a_message_past_the_bound_ends_its_socket(api: Api) -> None:
    async with api.session.ws_connect("/convex/api/1.0.0/sync") as socket:
        with suppress(ConnectionError):  # it is told so while it sends
            await socket.send_str("x" * (18 * 1024 * 1024))
        async with asyncio.timeout(30):
            while (await socket.receive()).type is aiohttp.WSMsgType.TEXT:
                pass
        assert socket.close_code in {1006, 1009}
    assert (await api.call("GET", "/convex/version")).status == 200


async def test_where_convex_has_no_socket_there_is_none(api: Api) -> None:
    status, _ = await asyncio.to_thread(raw, api, "GET", "/convex/api/query", UPGRADE)
    assert status == 404
