"""MCP servers written with the official package: a program in the sandbox, and one over HTTP."""

import asyncio
import json
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.waiting import until
from tests.tools.mcp.conftest import Servers
from tools.fetch.addresses import is_public
from tools.mcp.clients import McpClients
from tools.mcp.config import McpServer, ProgramServer, WebServer
from tools.output import FullTextPart, ImagePart
from tools.place import Touches
from tools.sandbox.sandbox import Sandbox
from tools.workspace.paths import ROOT

pytestmark = pytest.mark.timeout(120)  # an SDK to import, on both sides

KINDS = ["program", "web"]


@pytest.fixture
def server(request: pytest.FixtureRequest) -> McpServer:
    found: McpServer = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize("server", KINDS, indirect=True)
async def test_tools_are_listed_and_called(servers: Servers, server: McpServer) -> None:
    toolbox = await servers.toolbox(server)
    prefix = f"mcp__{server.name}__"
    assert f"{prefix}echo" in toolbox.names
    [add] = [tool for tool in toolbox.descriptions if tool.name == f"{prefix}add"]
    assert add.description == "Add two numbers."
    assert set(add.input_schema["properties"]) == {"a", "b"}
    json.dumps(add.input_schema)

    echoed = await servers.call(toolbox, f"{prefix}echo", text="hello \u2603")
    assert (echoed.text, echoed.is_error) == ("hello \u2603", False)
    added = await servers.call(toolbox, f"{prefix}add", a=1, b=2)
    assert json.loads(added.text) == {"total": 3}
    failed = await servers.call(toolbox, f"{prefix}fail")
    assert failed.is_error
    assert "Error executing tool fail" in failed.text  # all that the official server says of it
    wrong = await servers.call(toolbox, f"{prefix}add", a="x")
    assert wrong.is_error
    document = await servers.call(toolbox, f"{prefix}document")
    assert document.text == "[resource memo://one]\ninside"
    picture = await servers.call(toolbox, f"{prefix}picture")
    [image] = [part for part in picture.parts if isinstance(part, ImagePart)]
    assert image.media_type == "image/png"


@pytest.mark.parametrize("server", KINDS, indirect=True)
async def test_a_name_that_no_provider_takes_is_changed(
    servers: Servers, server: McpServer
) -> None:
    toolbox = await servers.toolbox(server)
    [name] = [name for name in toolbox.names if "odd_name" in name]
    assert name.startswith(f"mcp__{server.name}__odd_name_with_dots_")
    assert (await servers.call(toolbox, name)).text == "odd"


async def test_a_long_answer_is_cut_and_kept(servers: Servers, program: ProgramServer) -> None:
    toolbox = await servers.toolbox(program)
    output = await servers.call(toolbox, "mcp__notes__long", lines=20_000)
    assert output.text.startswith("line 0\n")
    assert output.text.endswith("line 19999")
    assert len(output.text) < 30_000
    [part] = [part for part in output.parts if isinstance(part, FullTextPart)]
    read = await servers.call(toolbox, "readOutput", handle=part.handle, offset=10_001)
    assert read.text.startswith("line 10000\n")


async def test_a_program_has_the_project_and_its_own_environment_and_no_more(
    servers: Servers, program: ProgramServer
) -> None:
    toolbox = await servers.toolbox(program)
    seen = (await servers.call(toolbox, "mcp__notes__seen")).text
    found: dict[str, Any] = eval(seen)  # noqa: S307 - what our own server printed
    assert found["cwd"] == str(servers.folder)
    assert "official_server.py" in found["files"]
    assert found["env"]["TOKEN"] == "it's a $ecret"  # noqa: S105 - of this test
    assert "PYTEST_CURRENT_TEST" not in found["env"]
    assert "VIRTUAL_ENV" not in found["env"]


async def test_a_secret_is_on_no_command_line(servers: Servers, program: ProgramServer) -> None:
    await servers.toolbox(program)
    lines = [" ".join(each.info["cmdline"] or ()) for each in psutil.process_iter(["cmdline"])]
    assert any("official_server.py" in line for line in lines)
    assert not any("it's a $ecret" in line for line in lines)
    assert "ecret" not in repr(program)


async def test_only_what_says_so_is_taken_for_a_tool_that_only_reads(
    servers: Servers, program: ProgramServer
) -> None:
    toolbox = await servers.toolbox(program)
    assert toolbox.touches("mcp__notes__echo", {}).writes == frozenset()
    assert toolbox.touches("mcp__notes__write", {}) == Touches(
        writes=frozenset({ROOT}), in_folder=True
    )
    written = await servers.call(toolbox, "mcp__notes__write", path="made.txt", text="x")
    assert written.text == "written"
    assert (servers.folder / "made.txt").read_text() == "x"


@pytest.mark.parametrize("server", KINDS, indirect=True)
async def test_a_server_that_asks_for_input_is_refused(servers: Servers, server: McpServer) -> None:
    toolbox = await servers.toolbox(server)
    output = await servers.call(toolbox, f"mcp__{server.name}__ask")
    assert "answered" not in output.text
    assert any(word in output.text for word in ("refused", "input", "not supported"))


async def test_a_server_that_dies_says_so_and_is_started_again(
    servers: Servers, program: ProgramServer
) -> None:
    toolbox = await servers.toolbox(program)
    died = await servers.call(toolbox, "mcp__notes__leave")
    assert died.is_error
    assert "'notes' failed: it ended before it answered" in died.text
    assert (await servers.call(toolbox, "mcp__notes__echo", text="again")).text == "again"


def processes_of(folder: Path) -> list[int]:
    """Those that were started for this folder's server; it is of one test session only."""
    return [
        each.pid
        for each in psutil.process_iter(["cmdline"])
        if any(str(folder) in word for word in each.info["cmdline"] or ())
    ]


async def test_a_cancel_passes_and_ends_the_program(
    servers: Servers, program: ProgramServer
) -> None:
    toolbox = await servers.toolbox(program)
    async with asyncio.TaskGroup() as tasks:
        call = tasks.create_task(servers.call(toolbox, "mcp__notes__wait", seconds=600))
        other = tasks.create_task(servers.call(toolbox, "mcp__notes__echo", text="beside"))
        assert (await other).text == "beside"  # by then the first is under way as well
        call.cancel()
    assert call.cancelled()
    assert processes_of(servers.folder) == []
    assert (await servers.call(toolbox, "mcp__notes__echo", text="after")).text == "after"


async def test_a_call_over_http_can_be_cancelled(servers: Servers, web: WebServer) -> None:
    toolbox = await servers.toolbox(web)
    async with asyncio.TaskGroup() as tasks:
        call = tasks.create_task(servers.call(toolbox, "mcp__remote__wait", seconds=600))
        assert (await servers.call(toolbox, "mcp__remote__echo", text="beside")).text == "beside"
        call.cancel()
    assert call.cancelled()
    assert (await servers.call(toolbox, "mcp__remote__echo", text="after")).text == "after"


async def test_closing_ends_every_program(
    sandbox: Sandbox, folder: Path, program: ProgramServer
) -> None:
    async with McpClients(sandbox) as clients:
        listed = await clients.list(folder, [program])
        assert listed.tools
        assert processes_of(folder)
    assert processes_of(folder) == []


async def test_a_program_that_nobody_uses_is_ended(
    sandbox: Sandbox, folder: Path, program: ProgramServer
) -> None:
    async with McpClients(sandbox, idle_s=0.05) as clients:
        assert (await clients.list(folder, [program])).tools
        await until(lambda: not processes_of(folder), 30)
        assert (await clients.list(folder, [program])).tools


async def test_one_server_that_is_down_takes_only_its_own_tools_away(
    servers: Servers, program: ProgramServer
) -> None:
    missing = ProgramServer("missing", "no-such-program")
    nowhere = WebServer("nowhere", "http://127.0.0.1:1/mcp")
    listed = await servers.list(missing, program, nowhere)
    assert {tool.server for tool in listed.tools} == {"notes"}
    first, second = listed.problems
    assert "'missing' failed" in first
    assert "no-such-program" in first
    assert "'nowhere' failed" in second


async def test_other_settings_start_it_anew(servers: Servers, program: ProgramServer) -> None:
    await servers.toolbox(program)
    other = ProgramServer(
        program.name, program.command, program.args, {**program.env, "TOKEN": "b"}
    )
    toolbox = await servers.toolbox(other)
    assert "'TOKEN': 'b'" in (await servers.call(toolbox, "mcp__notes__seen")).text


async def test_an_address_inside_a_network_is_not_asked(
    sandbox: Sandbox, folder: Path, web: WebServer
) -> None:
    async with McpClients(sandbox, allows=is_public) as clients:
        listed = await clients.list(folder, [web])
    assert listed.tools == ()
    assert "is not on the public internet" in listed.problems[0]
