"""Our tools over the Model Context Protocol, used by its official client."""

import json
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import anyio
import httpx2
import psutil
import pytest
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, ImageContent, TextContent

from tests.app.conftest import NewPerson
from tests.support.api_client import Api
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(120)  # the first test of a session starts the product

MODES = ["auto", "legacy"]  # protocol 2026-07-28, and those before
STREAMABLE = {
    "Accept": "application/json, text/event-stream",
    "Content-Type": "application/json",
}
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


@asynccontextmanager
async def client(api: Api, token: str, mode: str = "auto") -> AsyncGenerator[Client]:
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(f"{api.url}/mcp", http_client=http), mode=mode) as mcp,
    ):
        yield mcp


async def token_of(api: Api, project: str) -> str:
    made = await api.ok("POST", f"/api/projects/{project}/mcp-token")
    return str(made["token"])


async def content_of(api: Api, project: str, path: str) -> str:
    raw = await api.ok("GET", f"/api/projects/{project}/files/{path}")
    return raw.decode()


def text_of(result: CallToolResult) -> str:
    [text] = [each for each in result.content if isinstance(each, TextContent)]
    return text.text


@pytest.mark.parametrize("mode", MODES)
async def test_a_client_lists_the_tools_and_reads_a_file(api: Api, mode: str) -> None:
    project = await api.project()
    await api.ok("PUT", f"/api/projects/{project}/files/a.txt", {"content": "hello there\n"})
    async with client(api, await token_of(api, project), mode) as mcp:
        listed = await mcp.list_tools()
        names = [tool.name for tool in listed.tools]
        assert {"readFile", "editFile", "searchFiles", "executeCommand"} <= set(names)
        read = await mcp.call_tool("readFile", {"path": "a.txt"})
    assert not read.is_error
    assert "hello there" in text_of(read)


@pytest.mark.parametrize("mode", MODES)
async def test_an_edit_is_in_the_store_when_the_call_ends(api: Api, mode: str) -> None:
    project = await api.project()
    await api.ok("PUT", f"/api/projects/{project}/files/a.txt", {"content": "one\ntwo\n"})
    async with client(api, await token_of(api, project), mode) as mcp:
        arguments = {"path": "a.txt", "oldString": "two", "newString": "three"}
        edited = await mcp.call_tool("editFile", arguments)
        assert not edited.is_error, text_of(edited)
        assert await content_of(api, project, "a.txt") == "one\nthree\n"
        diff = (edited.meta or {})["polaris/parts"][0]
        assert (diff["type"], diff["added"], diff["removed"]) == ("diff", 1, 1)


async def test_what_a_client_has_read_it_may_replace_and_nothing_else(api: Api) -> None:
    project = await api.project()
    path = f"/api/projects/{project}/files/a.txt"
    await api.ok("PUT", path, {"content": "one\n"})
    async with client(api, await token_of(api, project)) as mcp:
        new = {"path": "a.txt", "content": "mine\n"}
        blind = await mcp.call_tool("writeFile", new)
        assert blind.is_error
        await mcp.call_tool("readFile", {"path": "a.txt"})
        await api.ok("PUT", path, {"content": "theirs\n"})
        stale = await mcp.call_tool("writeFile", new)
        assert stale.is_error
        assert await content_of(api, project, "a.txt") == "theirs\n"
        await mcp.call_tool("readFile", {"path": "a.txt"})
        assert not (await mcp.call_tool("writeFile", new)).is_error
    assert await content_of(api, project, "a.txt") == "mine\n"


async def test_a_command_runs_in_the_sandbox_and_its_changes_are_kept(
    api: Api, tmp_path: Path
) -> None:
    of_the_host = tmp_path / "host.txt"
    of_the_host.write_text("of the host")
    project = await api.project()
    await api.ok("PUT", f"/api/projects/{project}/files/old.txt", {"content": "old\n"})
    async with client(api, await token_of(api, project)) as mcp:
        done = await mcp.call_tool(
            "executeCommand", {"command": "rm old.txt && echo made > new.txt && env"}
        )
        assert not done.is_error, text_of(done)
        assert "PATH=" in text_of(done)
        assert "PYTHONPATH" not in text_of(done)  # which the product itself has
        outside = await mcp.call_tool("executeCommand", {"command": f"cat {of_the_host}"})
        assert outside.is_error
    assert await content_of(api, project, "new.txt") == "made\n"
    assert (await api.call("GET", f"/api/projects/{project}/files/old.txt")).status == 404


async def test_an_image_is_given_as_an_image(api: Api) -> None:
    project = await api.project()
    pixel = (
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
        "gg=="
    )
    await api.ok("PUT", f"/api/projects/{project}/files/a.png", {"contentBase64": pixel})
    async with client(api, await token_of(api, project)) as mcp:
        read = await mcp.call_tool("readFile", {"path": "a.png"})
    [image] = [each for each in read.content if isinstance(each, ImageContent)]
    assert (image.mime_type, image.data) == ("image/png", pixel)


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("readFile", {"path": "missing.txt"}, "missing.txt"),
        ("readFile", {"path": "../secret"}, ".."),
        ("readFile", {"path": 7}, "path"),
        ("readFile", {}, "path"),
        ("noSuchTool", {}, "There is no tool"),
        ("readFile", {"path": "x" * 100_000}, "path"),
    ],
    ids=lambda value: str(value)[:20],
)
async def test_what_cannot_be_done_is_said_in_the_result(
    api: Api, name: str, arguments: dict[str, Any], words: str
) -> None:
    async with client(api, await token_of(api, await api.project())) as mcp:
        failed = await mcp.call_tool(name, arguments)
    assert failed.is_error
    assert words in text_of(failed)
    assert "Traceback" not in text_of(failed)


def alive(marker: str) -> list[int]:
    """The processes whose command line has this marker, which is of one test only."""
    found: list[int] = []
    for process in psutil.process_iter():
        try:
            if any(marker in argument for argument in process.cmdline()):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


@pytest.mark.parametrize("mode", MODES)
async def test_a_cancelled_call_is_ended_with_its_processes(api: Api, mode: str) -> None:
    project = await api.project()
    marker = f"marker-{secrets.token_hex(8)}"
    command = f"touch left.txt; python3 -c 'import time; time.sleep(600)' {marker}"
    async with client(api, await token_of(api, project), mode) as mcp:
        async with anyio.create_task_group() as calls:
            calls.start_soon(mcp.call_tool, "executeCommand", {"command": command})
            await until(lambda: bool(alive(marker)), 60)
            calls.cancel_scope.cancel()
        await until(lambda: not alive(marker), 60)
        listed = await mcp.call_tool("listFiles", {})  # the session goes on
    assert "left.txt" not in text_of(listed)
    assert (await api.call("GET", f"/api/projects/{project}/files/left.txt")).status == 404


async def test_a_client_that_leaves_takes_its_call_along(api: Api) -> None:
    token = await token_of(api, await api.project())
    marker = f"marker-{secrets.token_hex(8)}"
    arguments = {"command": f"python3 -c 'import time; time.sleep(600)' {marker}"}
    call = {"name": "executeCommand", "arguments": arguments}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    headers = {"Authorization": f"Bearer {token}", **STREAMABLE}
    async with api.session.post("/mcp", json=message, headers=headers):
        await until(lambda: bool(alive(marker)), 60)
    await until(lambda: not alive(marker), 60)


async def test_ending_a_session_ends_its_calls(api: Api) -> None:
    token = await token_of(api, await api.project())
    marker = f"marker-{secrets.token_hex(8)}"
    arguments = {"command": f"python3 -c 'import time; time.sleep(600)' {marker}"}
    call = {"name": "executeCommand", "arguments": arguments}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    headers = {"Authorization": f"Bearer {token}", "Mcp-Session-Id": "s1", **STREAMABLE}
    async with api.session.post("/mcp", json=message, headers=headers) as answer:
        await until(lambda: bool(alive(marker)), 60)
        others = await api.call("DELETE", "/mcp", headers={**headers, "Mcp-Session-Id": "s2"})
        assert others.status == 204
        await until(
            lambda: bool(alive(marker)), 60
        )  # a program that is just started shows no words
        assert (await api.call("DELETE", "/mcp", headers=headers)).status == 204
        assert b"cancelled" in await answer.read()
    await until(lambda: not alive(marker), 60)


async def test_calls_beyond_the_bound_are_refused_in_words(api: Api) -> None:
    token = await token_of(api, await api.project())
    marker = f"marker-{secrets.token_hex(8)}"
    command = {"command": f"python3 -c 'import time; time.sleep(600)' {marker}"}
    async with client(api, token) as mcp, anyio.create_task_group() as calls:

        async def run() -> None:
            while "Wait for one" in text_of(  # noqa: ASYNC110 - asked anew
                await mcp.call_tool("executeCommand", command)
            ):
                await anyio.sleep(0.05)  # the question below took the last place

        for _ in range(8):
            calls.start_soon(run)
        while not (  # noqa: ASYNC110 - asked anew
            one_more := await mcp.call_tool("listFiles", {})
        ).is_error:
            await anyio.sleep(0.05)
        assert "Wait for one" in text_of(one_more)
        calls.cancel_scope.cancel()
    await until(lambda: not alive(marker), 60)


async def status_with(api: Api, authorization: str | None) -> int:
    headers = dict(STREAMABLE) | ({"Authorization": authorization} if authorization else {})
    async with api.session.post("/mcp", json=PING, headers=headers) as answer:
        body = await answer.read()
        if answer.status == 401:
            assert json.loads(body)["code"] == "unauthorized"
            assert answer.headers["WWW-Authenticate"] == "Bearer"
        return answer.status


async def test_only_the_token_of_a_project_opens_it(api: Api) -> None:
    token = await token_of(api, await api.project())
    assert token not in str(await api.ok("GET", "/api/projects"))
    for wrong in (None, "Bearer", "Bearer x", f"Basic {token}", f"Bearer {token}x"):
        assert await status_with(api, wrong) == 401, wrong
    assert await status_with(api, f"Bearer {api.token}") == 401  # the person's own
    assert await status_with(api, f"Bearer {token}") == 200
    other = await api.call("GET", "/api/projects", headers={"Authorization": f"Bearer {token}"})
    assert other.status == 401  # and it opens nothing else


async def test_a_token_ends_with_the_next_one_with_its_withdrawal_and_with_its_project(
    api: Api,
) -> None:
    project = await api.project()
    first = await token_of(api, project)
    second = await token_of(api, project)
    assert await status_with(api, f"Bearer {first}") == 401
    assert await status_with(api, f"Bearer {second}") == 200
    await api.ok("DELETE", f"/api/projects/{project}/mcp-token")
    assert await status_with(api, f"Bearer {second}") == 401
    await api.ok("DELETE", f"/api/projects/{project}/mcp-token")  # again is no error
    third = await token_of(api, project)
    await api.ok("DELETE", f"/api/projects/{project}")
    assert await status_with(api, f"Bearer {third}") == 401


async def test_a_token_sees_one_project_only(api: Api) -> None:
    mine, other = await api.project(), await api.project()
    await api.ok("PUT", f"/api/projects/{other}/files/a.txt", {"content": "of the other\n"})
    async with client(api, await token_of(api, mine)) as mcp:
        assert (await mcp.call_tool("readFile", {"path": "a.txt"})).is_error


async def test_only_the_owner_makes_and_withdraws_tokens(new_person: NewPerson) -> None:
    owner, stranger = await new_person(), await new_person()
    project = await owner.project()
    token = await token_of(owner, project)
    for method in ("POST", "DELETE"):
        refused = await stranger.call(method, f"/api/projects/{project}/mcp-token")
        assert (refused.status, refused.body["code"]) == (404, "not_found")
    assert await status_with(owner, f"Bearer {token}") == 200


async def test_a_withdrawn_token_changes_nothing_more(api: Api) -> None:
    project = await api.project()
    async with client(api, await token_of(api, project)) as mcp:
        marker = f"marker-{secrets.token_hex(8)}"
        # It goes on when the file is there, which a person makes once the token is withdrawn.
        command = (
            f"bash -c 'until [ -e go.txt ]; do sleep 0.1; done; echo late > late.txt' {marker}"
        )
        result: list[CallToolResult] = []

        async def late() -> None:
            result.append(await mcp.call_tool("executeCommand", {"command": command}))

        async with anyio.create_task_group() as calls:
            calls.start_soon(late)
            await until(lambda: bool(alive(marker)), 60)
            await api.ok("DELETE", f"/api/projects/{project}/mcp-token")
            replaced = await token_of(api, project)
            async with client(api, replaced) as again:
                await api.ok("PUT", f"/api/projects/{project}/files/go.txt", data=b"")
                await again.call_tool("readFile", {"path": "go.txt"})  # brings it to the disk
    assert result[0].is_error
    assert "token" in text_of(result[0])
    assert (await api.call("GET", f"/api/projects/{project}/files/late.txt")).status == 404


async def test_pages_of_other_origins_are_kept_out(api: Api) -> None:
    token = await token_of(api, await api.project())
    headers = {"Authorization": f"Bearer {token}", **STREAMABLE}
    for origin in ("https://evil.example", "null", "http://localhost:3000"):
        evil = await api.call("POST", "/mcp", PING, headers={**headers, "Origin": origin})
        assert (evil.status, evil.body["code"]) == (403, "foreign_origin"), origin
    good = await api.call(
        "POST", "/mcp", PING, headers={**headers, "Origin": "https://ide.example"}
    )
    assert good.status == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[" * 100_000, 400),
        (b"null", 400),
        (b"[]", 400),
        (b'{"jsonrpc":"2.0"}', 400),
        (b'{"jsonrpc":"2.0","method":"notifications/nonsense"}', 202),
        (b'{"jsonrpc":"2.0","method":"notifications/cancelled"}', 202),
        (b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":[]}', 400),
        (b" " * (10 * 1024 * 1024 + 1), 413),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_nonsense_is_the_clients_fault(api: Api, body: bytes, status: int) -> None:
    token = await token_of(api, await api.project())
    headers = {"Authorization": f"Bearer {token}", **STREAMABLE}
    try:
        answer = await api.call("POST", "/mcp", data=body, headers=headers)
    except aiohttp.ClientConnectionError:
        assert status == 413  # closed while we were still sending: refused as well
        return
    assert answer.status == status


async def test_other_methods_are_refused(api: Api) -> None:
    token = await token_of(api, await api.project())
    headers = {"Authorization": f"Bearer {token}", **STREAMABLE}
    for method in ("GET", "PUT"):
        refused = await api.call(method, "/mcp", headers=headers)
        assert (refused.status, refused.headers["Allow"]) == (405, "POST, DELETE")
