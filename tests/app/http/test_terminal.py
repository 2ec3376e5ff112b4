"""Terminals through the real server: a person's shell in the project's folder."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from app.services.terminals import PER_PROJECT
from tests.app.conftest import NewPerson
from tests.support.api_client import Api, api_at
from tests.support.issuer import Issuer
from tests.support.processes import alive, until_alive
from tests.support.product import disposable
from tests.support.terminals import Client, terminal_of
from tools.sandbox.sandbox import Sandbox

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(autouse=True)
async def needs_user_namespaces() -> None:
    async with Sandbox(kinds=["bubblewrap"]) as sandbox:
        if sandbox.kind is None:
            pytest.skip("this machine has no user namespaces")


@pytest.fixture
async def project_id(api: Api) -> str:
    return await api.project()


@pytest.fixture
async def terminal(api: Api, project_id: str) -> AsyncIterator[Client]:
    async with terminal_of(api, project_id) as client:
        await client.until_told("session")
        await client.until_shown("~ $ ")
        yield client
        await client.socket.send_json({"type": "close"})


async def content(api: Api, project_id: str, path: str) -> object:
    answer = await api.call("GET", f"/api/projects/{project_id}/files/{path}")
    return answer.body if answer.status == 200 else None


async def test_a_shell_works_in_the_project_and_people_see_what_it_changes(
    api: Api, project_id: str, terminal: Client
) -> None:
    path = f"/api/projects/{project_id}/files/theirs.txt"
    await api.ok("PUT", path, {"content": "from the editor\n"})
    await terminal.type("stty size; until [ -e theirs.txt ]; do sleep 0.1; done; cat theirs.txt\n")
    await terminal.until_shown("\r30 100\r\n")
    await terminal.until_shown("from the editor\r\n")
    await terminal.type("echo from the shell > ours.txt\n")
    async with asyncio.timeout(60):
        while await content(api, project_id, "ours.txt") != b"from the shell\n":  # noqa: ASYNC110 - in a store
            await asyncio.sleep(0.1)


async def test_a_page_shows_its_token_among_the_protocols(api: Api, project_id: str) -> None:
    protocols = ["polaris.terminal", f"bearer.{api.token}"]
    async with terminal_of(api, project_id, headers={}, protocols=protocols) as client:
        await client.until_told("session")
        assert client.socket.protocol == "polaris.terminal"
        await client.socket.send_json({"type": "close"})
        assert await client.until_closed() == 4010


async def test_who_comes_back_sees_what_was_shown(api: Api, project_id: str) -> None:
    async with terminal_of(api, project_id) as client:
        session = (await client.until_told("session"))["session"]
        await client.type("word=kept; echo se''en\n")
        await client.until_shown("seen\r\n")
    async with terminal_of(api, project_id, session=session) as client:
        assert await client.until_told("session") == {
            "type": "session",
            "session": session,
            "isNew": False,
        }
        await client.until_shown("seen\r\n")
        await client.type("echo still $word\n")
        await client.until_shown("still kept\r\n")
        async with terminal_of(api, project_id, session=session) as other:
            await other.until_shown("still kept\r\n")
            assert await client.until_closed() == 4001
            await other.socket.send_json({"type": "input", "data": "exit 3\n"})
            assert (await other.until_told("exit"))["code"] == 3
            assert await other.until_closed() == 1000
    async with terminal_of(api, project_id, session=session) as client:
        assert (await client.until_told("error"))["code"] == "no_such_terminal"
        assert await client.until_closed() == 4404


async def test_the_window_can_be_resized(terminal: Client) -> None:
    await terminal.socket.send_json({"type": "resize", "cols": 61, "rows": 21})
    await terminal.type("stty size\n")
    await terminal.until_shown("\r21 61\r\n")


async def test_a_terminal_is_the_owners_alone(
    api: Api, project_id: str, terminal: Client, new_person: NewPerson
) -> None:
    other = await new_person()
    async with terminal_of(other, project_id) as client:
        assert (await client.until_told("error"))["code"] == "not_found"
        assert await client.until_closed() == 4404
    own = await other.project()
    async with terminal_of(other, own, session=terminal.session) as client:
        assert await client.until_closed() == 4404
    async with terminal_of(api, await api.project(), session=terminal.session) as client:
        assert await client.until_closed() == 4404


@pytest.mark.parametrize("token", ["", "nonsense", "expired"])
async def test_without_a_token_that_holds_there_is_none(
    api: Api, project_id: str, token: str
) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with terminal_of(api, project_id, headers=headers) as client:
        assert await client.until_told("error") == {
            "type": "error",
            "error": "Unauthorized",
            "code": "unauthorized",
        }
        assert await client.until_closed() == 4401


async def test_only_pages_of_ours_may_open_one(api: Api, project_id: str) -> None:
    auth = {"Authorization": f"Bearer {api.token}"}
    for origin in ("https://evil.example", "null", "http://localhost:1", "http://["):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with terminal_of(api, project_id, headers={**auth, "Origin": origin}):
                pass
        assert refused.value.status == 403
    for origin in ("https://ide.example", api.url.rstrip("/")):
        async with terminal_of(api, project_id, headers={**auth, "Origin": origin}) as client:
            await client.until_told("session")
            await client.socket.send_json({"type": "close"})
            await client.until_closed()


@pytest.mark.parametrize(
    "query", ["cols=0", "cols=1000000000", "rows=x", "session=", f"session={'x' * 201}"]
)
async def test_a_wrong_address_is_refused(api: Api, project_id: str, query: str) -> None:
    headers = {"Authorization": f"Bearer {api.token}"}
    path = f"/api/projects/{project_id}/terminal?{query}"
    async with api.session.ws_connect(path, headers=headers) as socket:
        client = Client(socket)
        assert (await client.until_told("error"))["code"] == "invalid_request"
        assert await client.until_closed() == 4400


async def test_there_are_only_so_many_in_a_project(api: Api, project_id: str) -> None:
    async with asyncio.timeout(120):
        sessions: list[str] = []
        for _ in range(PER_PROJECT):
            async with terminal_of(api, project_id) as client:
                sessions.append((await client.until_told("session"))["session"])
        async with terminal_of(api, project_id) as client:
            assert (await client.until_told("error"))["code"] == "too_many_terminals"
            assert await client.until_closed() == 4409
        async with terminal_of(api, project_id, session=sessions[0]) as client:
            await client.socket.send_json({"type": "close"})
            assert await client.until_closed() == 4010
        async with terminal_of(api, project_id) as client:
            await client.until_told("session")
    await api.ok("DELETE", f"/api/projects/{project_id}")


async def test_it_ends_with_its_project_and_all_that_it_started(api: Api, project_id: str) -> None:
    mark = f"300.{time.monotonic_ns()}"
    async with terminal_of(api, project_id) as client:
        await client.type(f"setsid sleep {mark} & disown\n")
        await until_alive(mark)
        await api.ok("DELETE", f"/api/projects/{project_id}")
        assert await client.until_closed() == 4010
        await client.until_shown("[the project was deleted]")
    assert list(alive(mark)) == []


async def test_it_ends_with_the_server_and_its_files_are_kept(
    product_env: dict[str, str], issuer: Issuer, tmp_path: Path
) -> None:
    mark = f"300.{time.monotonic_ns()}"
    with disposable(["dev"], folder=tmp_path, env=product_env) as program:
        async with api_at(program.ready["api"], "ann", issuer.token("ann")) as api:
            project_id = await api.project()
            async with terminal_of(api, project_id) as client:
                await client.type(f"setsid sleep {mark} & disown; echo new > new.txt; echo o''k\n")
                await client.until_shown("ok\r\n")
                await until_alive(mark)
                stopping = asyncio.get_running_loop().run_in_executor(None, program.stop)
                assert await client.until_closed() in {1001, 1012}
                assert await stopping == 0
    assert list(alive(mark)) == []
    with disposable(["dev"], folder=tmp_path, env=product_env) as program:
        async with api_at(program.ready["api"], "ann", issuer.token("ann")) as api:
            assert await content(api, project_id, "new.txt") == b"new\n"
