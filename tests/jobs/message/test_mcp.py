"""The tools of MCP servers that a project names, in a run on the real engine."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from engine.storage.encryption import Encryption
from jobs.mcp_servers import Unseal
from llm.model import ModelRequest, ToolResult
from store.records import McpServer, MessageStatus
from tests.jobs.message.site import TASK, Site
from tests.support import mcp_program
from tests.support.scripted_turns import ScriptedTurns, call, calls, says
from tools.files import FILE_TOOLS
from tools.mcp.clients import McpClients
from tools.output import PARTS, DiffPart
from tools.place import Provided
from tools.sandbox.sandbox import Sandbox

pytestmark = pytest.mark.timeout(120)

SOURCE = Path(mcp_program.__file__).read_bytes()
KEYS = Encryption(["MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="])
OTHER_KEYS = Encryption(["eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHg="])
OURS = [tool.name for tool in FILE_TOOLS]


@pytest.fixture
async def mcp_site(site: Site) -> AsyncIterator[Site]:
    async with Sandbox() as sandbox:
        if sandbox.kind is None:
            pytest.skip("this machine has no user namespaces and no Landlock")
        async with McpClients(sandbox) as clients:
            site.clients = clients
            site.needs = Provided(sandbox, clients)
            await has_server(site, SOURCE)
            yield site


async def has_server(site: Site, source: bytes) -> None:
    await site.store.files.write(site.project_id, "server.py", source, owner=site.owner)


async def name(site: Site, *servers: McpServer) -> None:
    await site.store.mcp.set_servers(site.project_id, servers, owner=site.owner)


def local(env: Mapping[str, str] | None = None) -> McpServer:
    return McpServer("local", command="python", args=("server.py",), env=env or {})


def names(request: ModelRequest) -> list[str]:
    return [tool.name for tool in request.tools]


def results(request: ModelRequest) -> list[str]:
    return [
        part.text
        for message in request.messages
        for part in message.parts
        if isinstance(part, ToolResult)
    ]


async def test_a_run_has_the_tools_and_what_they_change_is_kept(mcp_site: Site) -> None:
    site = mcp_site
    await name(site, local({"TOKEN": KEYS.seal("open sesame")}))
    site.unseal = KEYS.open
    write = call("c1", "mcp__local__write", path="made.txt", text="by the server\n")
    ask = call("c2", "mcp__local__variable", of="TOKEN")
    model = site.model = ScriptedTurns([calls(write), calls(ask), says("Done.")])
    async with site.worker() as engine:
        message = await site.answer(engine, TASK)
    assert message.status is MessageStatus.COMPLETED
    assert names(model.requests[0]) == [*OURS, "mcp__local__write", "mcp__local__variable"]
    assert results(model.requests[2]) == ["written", "open sesame"]
    made = await site.store.files.read(site.project_id, "made.txt", owner=site.owner)
    assert made.data == b"by the server\n"
    raw = await site.store.messages.result_parts(
        message.message_id, turn=0, tool_call_id=write.call_id, owner=site.owner
    )
    [diff] = PARTS.validate_python(raw)
    assert isinstance(diff, DiffPart)
    assert (diff.path, diff.change) == ("made.txt", "created")


@pytest.mark.parametrize("unseal", [None, OTHER_KEYS.open], ids=["no key", "another key"])
async def test_a_secret_that_cannot_be_read_takes_only_its_server_away(
    mcp_site: Site, unseal: Unseal | None
) -> None:
    site = mcp_site
    site.unseal = unseal
    secret = McpServer("secret", command="python", args=("server.py",), env={"A": KEYS.seal("x")})
    await name(site, secret, local())
    model = site.model = ScriptedTurns([says("Done.")])
    async with site.worker() as engine:
        await site.answer(engine, TASK)
    assert names(model.requests[0]) == [*OURS, "mcp__local__write", "mcp__local__variable"]
    assert "'secret' cannot be asked: its secrets cannot be read" in model.requests[0].system


async def test_the_model_is_told_of_a_server_that_is_down(mcp_site: Site) -> None:
    site = mcp_site
    await name(site, McpServer("gone", command="no-such-program", args=()), local())
    model = site.model = ScriptedTurns([says("Done.")])
    async with site.worker() as engine:
        message = await site.answer(engine, TASK)
    assert message.status is MessageStatus.COMPLETED
    assert "mcp__local__write" in names(model.requests[0])
    assert "The MCP server 'gone' failed" in model.requests[0].system


async def test_a_run_that_goes_on_elsewhere_has_the_tools_that_it_began_with(
    mcp_site: Site,
) -> None:
    site = mcp_site
    await name(site, local())
    write = calls(call("c1", "mcp__local__write", path="made.txt", text="x"))
    script = [write, says("Done.")]
    first = site.model = ScriptedTurns(script, by_turn=True, hang_in_turn=1)
    async with site.worker() as engine:
        message_id, run_id = await site.send(engine, TASK)
        await first.hanging.wait()
    await has_server(site, SOURCE.replace(b'("write", "variable")', b'("other",)'))
    await name(site)  # the project names none any more
    second = site.model = ScriptedTurns(script, by_turn=True)
    async with site.worker() as engine:
        await engine.wait(run_id, 60)
    message = await site.store.messages.owned(message_id, owner=site.owner)
    assert message.status is MessageStatus.COMPLETED
    assert names(second.requests[-1]) == names(first.requests[0])
    assert second.requests[-1].system == first.requests[0].system


async def test_a_project_without_servers_has_no_step_for_them(mcp_site: Site) -> None:
    site = mcp_site
    site.model = ScriptedTurns([says("Done.")])
    async with site.worker() as engine:
        _, run_id = await site.send(engine, TASK)
        await engine.wait(run_id, 60)
        steps = [step.step_id for step in (await engine.inspect.run(run_id)).steps]
    assert steps
    assert "mcp-tools" not in steps
