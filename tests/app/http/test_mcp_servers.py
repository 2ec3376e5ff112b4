"""The MCP servers that a project names: kept with sealed secrets, and used by its runs."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.app.conftest import NewPerson
from tests.support import mcp_program
from tests.support.api_client import Api
from tests.support.product import Program

pytestmark = pytest.mark.timeout(120)

SECRET = "s3cr3t-of-this-test"  # noqa: S105 - it opens nothing
SOURCE = Path(mcp_program.__file__).read_text()
LOCAL = {"command": "python", "args": ["server.py"], "env": {"TOKEN": SECRET}}
REMOTE = {"url": "https://mcp.example.com/mcp", "headers": {"Authorization": f"Bearer {SECRET}"}}


async def put(api: Api, project: str, servers: object) -> Any:
    path = f"/api/projects/{project}/mcp-servers"
    return await api.call("PUT", path, {"mcpServers": servers})


async def test_servers_are_kept_and_their_secrets_are_never_shown(api: Api) -> None:
    project = await api.project()
    path = f"/api/projects/{project}/mcp-servers"
    assert await api.ok("GET", path) == {"mcpServers": {}}
    shown = {
        "mcpServers": {
            "local": {**LOCAL, "type": "stdio", "env": {"TOKEN": None}},
            "remote": {**REMOTE, "type": "http", "headers": {"Authorization": None}},
        }
    }
    replaced = await put(api, project, {"local": LOCAL, "remote": REMOTE})
    assert (replaced.status, replaced.body) == (200, shown)
    assert await api.ok("GET", path) == shown
    for place in (f"/api/projects/{project}", "/api/projects"):
        assert "mcp" not in json.dumps(await api.ok("GET", place)).lower()
    again = await put(api, project, shown["mcpServers"])  # null keeps what is there
    assert (again.status, again.body) == (200, shown)
    assert (await put(api, project, {})).body == {"mcpServers": {}}


def content_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # a folder, a socket, or gone by now: the product is running
        return b""


async def test_a_secret_is_nowhere_on_the_disk(api: Api, product: Program) -> None:
    await put(api, await api.project(), {"local": LOCAL, "remote": REMOTE})
    folder = product.log.parent
    assert (folder / "data" / "project-secrets.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in folder.rglob("*") if SECRET.encode() in content_of(path)] == []


async def test_a_run_uses_a_server_that_is_a_file_of_the_project(api: Api) -> None:
    project = await api.project()
    await api.ok("PUT", f"/api/projects/{project}/files/server.py", {"content": SOURCE})
    told = {**LOCAL, "env": {"TOKEN": "told"}}
    assert (await put(api, project, {"local": told})).status == 200
    conversation = await api.conversation(project)
    sent = await api.send(conversation, "Ask your own server.")
    message = await api.until_final(sent["messageId"])
    assert message["status"] == "completed", message
    [call] = message["toolCalls"]
    assert (call["name"], call["status"]) == ("mcp__local__variable", "completed"), call["result"]
    assert call["result"] == "told"


TOO_MANY = {f"s{number}": LOCAL for number in range(11)}


@pytest.mark.parametrize(
    ("servers", "words"),
    [
        ({"Big": LOCAL}, "mcpServers"),
        ({"": LOCAL}, "mcpServers"),
        ({"a" * 33: LOCAL}, "mcpServers"),
        (TOO_MANY, "mcpServers"),
        ({"s": {}}, "needs a command or a url, and not both"),
        ({"s": {**LOCAL, **REMOTE}}, "needs a command or a url, and not both"),
        ({"s": {**LOCAL, "type": "http"}}, "has a type that does not fit"),
        ({"s": {**LOCAL, "headers": {"A": "b"}}}, "has env instead of headers"),
        ({"s": {**REMOTE, "args": ["x"]}}, "has headers instead of env and args"),
        ({"s": {**LOCAL, "colour": "red"}}, "mcpServers.s.colour"),
        ({"s": {"url": "ftp://example.com"}}, "has to begin with https:// or http://"),
        ({"s": {"url": "https://a:b@example.com"}}, "must have no user name or password"),
        ({"s": {"url": "https://example.com", "headers": {"Host": "a"}}}, "the protocol itself"),
        ({"s": {"url": "https://example.com", "headers": {"X Y": "a"}}}, "headers"),
        ({"s": {"url": "https://example.com", "headers": {"X": "a\r\nY: b"}}}, "headers"),
        ({"s": {"url": "https://e.com", "headers": {"X": "a", "x": "b"}}}, "twice"),
        ({"s": {**LOCAL, "env": {"A=B": "c"}}}, "env"),
        ({"s": {**LOCAL, "env": {"A": "b\nc"}}}, "env"),
        ({"s": {**LOCAL, "env": {"A": "x" * 5_000}}}, "env"),
        ({"s": {**LOCAL, "env": {"NEW": None}}}, "NEW has no value yet that null could keep"),
        ({"s": {**LOCAL, "args": ["\u0000"]}}, ""),
        (7, "mcpServers"),
    ],
    ids=lambda value: str(value)[:50],
)
async def test_what_is_no_server_is_refused_by_name(api: Api, servers: object, words: str) -> None:
    project = await api.project()
    refused = await put(api, project, servers)
    assert refused.status == 400
    assert words in refused.body["error"]
    assert SECRET not in json.dumps(refused.body)
    assert await api.ok("GET", f"/api/projects/{project}/mcp-servers") == {"mcpServers": {}}


async def test_only_the_owner_sees_and_names_servers(new_person: NewPerson) -> None:
    owner, stranger = await new_person(), await new_person()
    project = await owner.project()
    assert (await put(owner, project, {"local": LOCAL})).status == 200
    path = f"/api/projects/{project}/mcp-servers"
    assert (await stranger.call("GET", path)).status == 404
    assert (await put(stranger, project, {})).status == 404
    assert "local" in (await owner.ok("GET", path))["mcpServers"]
