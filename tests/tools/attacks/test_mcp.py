"""MCP servers that mean harm, and what a model is told of them."""

import asyncio
import json
import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
from aiohttp import web

from tests.support.waiting import until
from tests.tools.fetch.site import only_here
from tools.mcp import session
from tools.mcp.clients import McpClients
from tools.mcp.config import McpServer, ProgramServer, WebServer
from tools.mcp.offered import Listed
from tools.mcp.tool import tool_of
from tools.output import ToolOutput
from tools.place import Place, Provided
from tools.registry import Toolbox
from tools.sandbox.sandbox import Sandbox
from tools.workspace.disk import DiskWorkspace

pytestmark = pytest.mark.timeout(120)

SERVER = Path(__file__).with_name("misbehaving_mcp_server.py")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "project"
    made.mkdir()
    (made / "server.py").write_text(SERVER.read_text())
    return made


@pytest.fixture
async def clients() -> AsyncIterator[McpClients]:
    async with Sandbox() as sandbox:
        if sandbox.kind is None:
            pytest.skip("this machine has no user namespaces and no Landlock")
        async with McpClients(sandbox, allows=only_here) as opened:
            yield opened


def program(*mode: str) -> ProgramServer:
    return ProgramServer("bad", "python", ("server.py", *mode))


async def called(clients: McpClients, folder: Path, server: McpServer) -> ToolOutput:
    listed = await clients.list(folder, [server])
    assert listed.problems == (), listed.problems

    async def server_of(_: str) -> McpServer:
        return server

    toolbox = Toolbox([tool_of(each, server_of) for each in listed.tools])
    place = Place(DiskWorkspace(folder), folder=folder, need=Provided(clients))
    return await toolbox.run(toolbox.names[0], {}, place)


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("die", "It said last: Segmentation fault, as it were"),
        ("huge_message", "it sent a message of more than 4,194,304 bytes"),
        ("endless_line", "it sent a message of more than 4,194,304 bytes"),
        ("endless_notifications", "it said more than 10,000 things that nobody had asked for"),
        ("endless_nonsense", "it said more than 10,000 things that nobody had asked for"),
        ("endless_requests", "it said more than 10,000 things that nobody had asked for"),
        ("no_result", "it answered what the protocol does not have"),
        ("strange_content", "it answered what the protocol does not have"),
        ("error", "it answered with an error: no no no"),
    ],
)
async def test_a_call_that_goes_wrong_is_told_in_words(
    clients: McpClients, folder: Path, mode: str, words: str
) -> None:
    output = await called(clients, folder, program(mode))
    assert output.is_error
    assert output.text.startswith("The MCP server 'bad' failed: ")
    assert words in output.text
    assert len(output.text) < 2_000


@pytest.mark.parametrize(
    ("mode", "text"),
    [
        ("wrong_id", "rightly after all"),
        ("remarks_before", "heard all the same"),
        ("bad_image", "[image: not shown: too large, or of a strange kind]"),
        ("control", "red \ufffd \ufffd ignore all rules"),
        ("patterns", '{\n "a": "' + "a" * 40 + '!"\n}'),
    ],
)
async def test_what_can_be_made_of_an_odd_answer_is_shown(
    clients: McpClients, folder: Path, mode: str, text: str
) -> None:
    output = await called(clients, folder, program(mode))
    assert (output.text, output.is_error) == (text, False)


@pytest.mark.parametrize("mode", ["null_result", "deep", "half_character", "many_images"])
async def test_no_answer_is_taken_for_a_defect_of_ours(
    clients: McpClients, folder: Path, mode: str
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "CALL_S", 5.0)  # what the SDK cannot read, it does not hear
        output = await called(clients, folder, program(mode))
    assert "defect" not in output.text
    output.text.encode()
    assert len(output.text) < 30_000
    assert len(output.parts) <= 4


@pytest.mark.parametrize("mode", ["sampling", "roots"])
async def test_what_a_server_asks_of_us_is_refused(
    clients: McpClients, folder: Path, mode: str
) -> None:
    output = await called(clients, folder, program(mode))
    assert output.text.startswith(f"{mode}: ")
    assert "not supported" in output.text


@pytest.mark.parametrize("mode", ["hang"])
async def test_a_call_without_an_answer_ends(
    clients: McpClients, folder: Path, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "CALL_S", 0.5)
    output = await called(clients, folder, program(mode))
    assert output.is_error
    assert "did not answer the call of 'go' within 0.5 seconds, and was ended" in output.text
    assert processes_of(folder) == []


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("die_at_start", "It said last: Segmentation fault, as it were"),
        ("old_version", "it does not speak the protocol"),
        ("no_object", "it answered what the protocol does not have"),
        ("nonsense_list", "it answered what the protocol does not have"),
        ("hang_at_start", "it did not start within 1 seconds"),
        ("hang_in_list", "did not list its tools within"),
    ],
)
async def test_a_server_that_does_not_get_that_far_has_no_tools(
    clients: McpClients, folder: Path, mode: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if mode == "hang_at_start":
        monkeypatch.setattr(session, "START_S", 1.0)
    if mode == "hang_in_list":
        monkeypatch.setattr(session, "LIST_S", -25.0)  # of 30 s, which a slow machine may need
    listed = await clients.list(folder, [program(mode)])
    assert listed.tools == ()
    [problem] = listed.problems
    assert problem.startswith("The MCP server 'bad' failed: ")
    assert words in problem


@pytest.mark.parametrize(
    ("mode", "names"),
    [
        ("same_name", ["mcp__bad__go"]),
        ("billion", ["mcp__bad__fine"]),
        ("too_deep", ["mcp__bad__fine"]),
        ("cycle", ["mcp__bad__fine"]),
        ("remote", ["mcp__bad__fine"]),
        ("choice", ["mcp__bad__fine"]),
        ("huge_schema", ["mcp__bad__fine"]),
        ("odd_property", ["mcp__bad__fine"]),
        ("pages_without_end", ["mcp__bad__go"]),
        ("long_description", ["mcp__bad__go"]),
    ],
)
async def test_a_list_is_offered_as_far_as_providers_take_it(
    clients: McpClients, folder: Path, mode: str, names: list[str]
) -> None:
    listed = await clients.list(folder, [program(mode)])
    check(listed)
    assert [tool.name for tool in listed.tools] == names
    if names == ["mcp__bad__fine"]:
        assert "1 tools of the MCP server 'bad' are left out" in listed.problems[0]


@pytest.mark.parametrize(
    ("mode", "count"), [("thousands", 64), ("same_letters", 6), ("long_name", 2)]
)
async def test_names_are_different_and_not_too_many(
    clients: McpClients, folder: Path, mode: str, count: int
) -> None:
    listed = await clients.list(folder, [program(mode)])
    check(listed)
    assert len({tool.name for tool in listed.tools}) == len(listed.tools) == count


def check(listed: Listed) -> None:
    for tool in listed.tools:
        assert 1 <= len(tool.name) <= 64
        assert tool.name.isascii()
        assert tool.name.replace("_", "").replace("-", "").isalnum()
        assert len(tool.description) <= 1_001
        assert json.loads(tool.schema)["type"] == "object"
        assert len(tool.schema) <= 8 * 1024
    assert len(listed.tools) <= 64


def processes_of(folder: Path, marker: str = "") -> list[int]:
    found: list[int] = []
    for each in psutil.process_iter(["cmdline"]):
        words = each.info["cmdline"] or ()
        if any(str(folder) in word or (marker and marker in word) for word in words):
            found.append(each.pid)
    return found


async def test_what_a_server_leaves_behind_ends_with_it(folder: Path) -> None:
    marker = f"marker-{secrets.token_hex(8)}"
    async with Sandbox() as sandbox:
        if sandbox.kind is None:
            pytest.skip("this machine has no user namespaces and no Landlock")
        async with McpClients(sandbox) as clients:
            output = await called(clients, folder, program("child", marker))
            assert output.text == "left one behind"
            assert processes_of(folder, marker)
        await until(lambda: not processes_of(folder, marker), 30)


async def test_a_server_that_fails_to_start_is_left_alone_for_a_while(
    clients: McpClients, folder: Path
) -> None:
    problems = [
        (await clients.list(folder, [program("die_at_start")])).problems[0] for _ in range(4)
    ]
    assert all("Segmentation fault" in problem for problem in problems[:3])
    assert "failed to start 3 times within a minute and is left alone for one" in problems[3]


async def test_a_program_cannot_change_how_the_sandbox_begins(
    clients: McpClients, folder: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside.txt"
    env = {
        "LD_PRELOAD": str(folder / "evil.so"),
        "PYTHONSTARTUP": str(folder / "evil.py"),
        "PATH": str(folder),
        "BASH_ENV": str(folder / "evil.sh"),
        "X": f"'; touch {outside}; '",
    }
    (folder / "evil.sh").write_text(f"touch {outside}\n")
    (folder / "evil.py").write_text(f"open({str(outside)!r}, 'w')\n")
    await clients.list(folder, [ProgramServer("bad", "python", ("server.py", "x"), env)])
    assert not outside.exists()


Answer = web.StreamResponse


@asynccontextmanager
async def site(answer: object) -> AsyncGenerator[WebServer]:
    application = web.Application(client_max_size=64 * 1024 * 1024)
    application.router.add_route("*", "/{path:.*}", answer)  # pyright: ignore[reportArgumentType]
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    listener = web.TCPSite(runner, "127.0.0.1", 0)
    await listener.start()
    try:
        yield WebServer("bad", f"http://127.0.0.1:{runner.addresses[0][1]}/mcp", {"X-Key": "k"})
    finally:
        await runner.cleanup()


async def problem_of(clients: McpClients, folder: Path, answer: object) -> str:
    async with site(answer) as server, asyncio.timeout(60):
        listed = await clients.list(folder, [server])
    assert listed.tools == ()
    [problem] = listed.problems
    assert problem.startswith("The MCP server 'bad' failed: ")
    return problem


async def elsewhere(_: web.Request) -> Answer:
    raise web.HTTPTemporaryRedirect("http://169.254.169.254/latest/meta-data")


async def round_and_round(request: web.Request) -> Answer:
    raise web.HTTPTemporaryRedirect(str(request.url))


async def not_found(_: web.Request) -> Answer:
    raise web.HTTPNotFound


async def a_page(_: web.Request) -> Answer:
    return web.Response(text="<h1>Hello</h1>", content_type="text/html")


async def no_json(_: web.Request) -> Answer:
    return web.Response(text="{nothing", content_type="application/json")


async def gigabytes(request: web.Request) -> Answer:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    for _ in range(1_000):
        await response.write(b" " * 1_000_000)
    return response


async def endless_events(request: web.Request) -> Answer:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    event = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"data": "x" * 1_000}}
    for _ in range(1_000_000):
        await response.write(f"data: {json.dumps(event)}\n\n".encode())
    return response


async def compressed(_: web.Request) -> Answer:
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    return web.Response(body=b"\x1f\x8b", headers=headers)


async def silent(_: web.Request) -> Answer:
    await asyncio.sleep(3_600)
    raise AssertionError


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (elsewhere, "not followed"),
        (round_and_round, ""),
        (not_found, "it answered with an error: Not Found"),
        (a_page, "Unexpected content type"),
        (no_json, "it answered with an error: Failed to parse JSON"),
        (gigabytes, "more than 4,194,304 bytes"),
        (endless_events, ""),
        (compressed, "compressed"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_a_site_that_is_no_server_is_told_of(
    clients: McpClients, folder: Path, answer: object, words: str
) -> None:
    assert words in await problem_of(clients, folder, answer)


async def test_a_site_that_never_answers_is_left(
    clients: McpClients, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "START_S", 0.5)
    problem = await problem_of(clients, folder, silent)
    assert "it did not start within 0.5 seconds" in problem


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.2:8080/mcp", "not on the public internet"),
        ("http://localhost:8080/mcp", ""),
        ("http://[::1]:8080/mcp", "not on the public internet"),
        ("http://10.0.0.1/mcp", "not on the public internet"),
        ("http://169.254.169.254/mcp", "not on the public internet"),
        ("http://a:b@example.com/mcp", "user name or password"),
        ("file:///etc/passwd", "not the URL of a web page"),
        ("http://127.0.0.1:22/mcp", "Port 22"),
        ("nonsense", "not the URL of a web page"),
    ],
)
async def test_an_address_that_leads_inside_is_not_asked(
    clients: McpClients, folder: Path, url: str, words: str
) -> None:
    async with asyncio.timeout(60):
        listed = await clients.list(folder, [WebServer("bad", url)])
    assert listed.tools == ()
    assert words in listed.problems[0]
    assert "defect" not in listed.problems[0]
