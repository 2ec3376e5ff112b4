"""Package registries are reached where they are allowed, and nothing else is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tools.mcp.config import ProgramServer, fingerprint
from tools.sandbox.port import Confined, NoSandbox
from tools.sandbox.proxy import MAX_DOORS, RegistryProxy
from tools.sandbox.registries import ALL, Registries
from tools.sandbox.running import Limits
from tools.sandbox.sandbox import Finished, Sandbox

pytestmark = pytest.mark.timeout(60)

ASKS = """
const net = require("node:net");
const [host, method, given] = process.argv.slice(2);
const proxy = new URL(given ?? process.env.HTTPS_PROXY ?? "http://127.0.0.1:3128");
const secret = Buffer.from(`${proxy.username}:${proxy.password}`).toString("base64");
const head = `${method} ${host} HTTP/1.1\\r\\nProxy-Authorization: Basic ${secret}\\r\\n\\r\\n`;
const socket = net.connect(Number(proxy.port), "127.0.0.1", () => socket.write(head));
socket.setEncoding("utf8");
socket.on("data", (text) => {
  console.log(text.trim());
  if (text.includes("200")) socket.write("hello\\n");
});
socket.on("close", () => process.exit(0));
socket.on("error", (error) => { console.log(error.code); process.exit(1); });
"""


@dataclass
class Site:
    sandbox: Sandbox
    folder: Path
    registry: str

    async def run(self, *argv: str, network: bool = True) -> Finished:
        confined = Confined(argv, self.folder, network=network)
        return await self.sandbox.run(confined, Limits(timeout_s=20))

    async def ask(self, host: str, method: str = "CONNECT") -> str:
        return (await self.run("node", "ask.js", host, method)).output.decode()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"REGISTRY SAYS " + await reader.readline())
    writer.close()
    await writer.wait_closed()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "ask.js").write_text(ASKS)
    async with AsyncExitStack() as stack:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        await stack.enter_async_context(server)
        registry = f"localhost:{server.sockets[0].getsockname()[1]}"
        allowed = [registry, "localhost:1"]
        sandbox = Sandbox(kinds=["bubblewrap"], registries=allowed)
        await stack.enter_async_context(sandbox)
        if sandbox.kind is None:
            pytest.skip("this machine has no user namespaces")
        assert sandbox.has_network
        yield Site(sandbox, folder, registry)


async def test_an_allowed_registry_is_reached(site: Site) -> None:
    said = await site.ask(site.registry)
    assert "HTTP/1.1 200" in said
    assert "REGISTRY SAYS hello" in said


@pytest.mark.parametrize(
    ("host", "method", "status"),
    [
        ("example.com:443", "CONNECT", "403"),
        ("127.0.0.1:PORT", "CONNECT", "403"),
        ("localhost:22", "CONNECT", "403"),
        ("localhost:PORT@example.com:443", "CONNECT", "403"),
        ("http://localhost:PORT/", "GET", "405"),
        ("localhost:1", "CONNECT", "502"),
    ],
)
async def test_all_else_is_refused(site: Site, host: str, method: str, status: str) -> None:
    said = await site.ask(host.replace("PORT", site.registry.partition(":")[2]), method)
    assert f"HTTP/1.1 {status}" in said
    assert "REGISTRY" not in said


async def test_a_project_that_allows_fewer_reaches_those_only(site: Site) -> None:
    async def said(*only: str) -> str:
        argv = ("node", "ask.js", site.registry, "CONNECT")
        registries = Registries(frozenset(only))
        confined = Confined(argv, site.folder, network=True, registries=registries)
        return (await site.sandbox.run(confined, Limits(timeout_s=20))).output.decode()

    assert "REGISTRY SAYS hello" in await said(site.registry)
    for only in (("localhost:1",), ("example.com:443",), ()):
        assert "HTTP/1.1 403" in await said(*only)
    assert "REGISTRY SAYS hello" in await site.ask(site.registry)  # others are as before
    assert site.sandbox.reaches(ALL)
    assert site.sandbox.reaches(Registries(frozenset({"localhost:1"})))
    assert not site.sandbox.reaches(Registries(frozenset({"example.com:443"})))
    assert not site.sandbox.reaches(Registries(frozenset()))


async def test_choices_have_a_bound_and_the_one_asked_for_longest_ago_is_closed(
    tmp_path: Path,
) -> None:
    allowed = [f"r{number}.example.com:443" for number in range(MAX_DOORS + 1)]
    async with RegistryProxy(tmp_path, allowed) as proxy:
        first = proxy.socket_for(Registries(frozenset(allowed[:1])))
        assert (
            proxy.socket_for(Registries(frozenset({*allowed[:1], "other.example.com:1"}))) == first
        )
        for name in allowed[1:]:
            proxy.socket_for(Registries(frozenset({name})))
        async with asyncio.timeout(30):
            while await asyncio.to_thread(first.exists):  # noqa: ASYNC110 - the file says it
                await asyncio.sleep(0.01)
        assert proxy.socket_for(Registries(frozenset(allowed[:1]))) != first
    with pytest.raises(NoSandbox):
        proxy.socket_for(ALL)


async def test_there_is_no_other_way_out(site: Site) -> None:
    port = site.registry.partition(":")[2]
    done = await site.run("bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{port}; cat <&3")
    assert done.receipt.code != 0
    assert b"REGISTRY" not in done.output


async def test_without_being_asked_for_there_is_none(site: Site) -> None:
    done = await site.run("node", "ask.js", site.registry, "CONNECT", network=False)
    assert b"ECONNREFUSED" in done.output


@pytest.mark.parametrize("secret", ["", "polaris:@", "polaris:guessed@"])
async def test_a_way_out_is_that_of_its_program_alone(site: Site, secret: str) -> None:
    """Others of the project share the loopback on which it is."""
    wait = 'echo "$HTTPS_PROXY" > proxy; until [ -e done ]; do sleep 0.05; done'
    confined = Confined(("sh", "-c", wait), site.folder, network=True)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(site.sandbox.run(confined, Limits(timeout_s=20)))
        told = site.folder / "proxy"
        async with asyncio.timeout(20):
            while not (url := told.read_text().strip() if told.exists() else ""):  # noqa: ASYNC110 - the file says it
                await asyncio.sleep(0.05)
        there = f"http://{secret}{url.rpartition('@')[2]}"
        argv = ("node", "ask.js", site.registry, "CONNECT", there)
        refused = (await site.run(*argv, network=False)).output.decode()
        again = await site.ask(site.registry)  # a second one has its own
        (site.folder / "done").touch()
    assert "REGISTRY" not in refused
    if site.sandbox.networks is not None:
        assert "HTTP/1.1 407" in refused
    assert "REGISTRY SAYS hello" in again


async def test_exit_codes_and_arguments_pass_the_bridge(site: Site) -> None:
    done = await site.run("sh", "-c", 'echo "$1"; exit 7', "sh", "a b")
    assert done.receipt.code == 7
    assert done.output == b"a b\n"


async def test_a_sandbox_without_registries_refuses(tmp_path: Path) -> None:
    async with Sandbox() as sandbox:
        if sandbox.kind is None:
            pytest.skip("this machine has no sandbox")
        assert not sandbox.has_network
        with pytest.raises(NoSandbox, match="no network"):
            sandbox.wrap(("true",), folder=tmp_path, network=True)


def test_a_program_that_may_reach_others_is_another_one() -> None:
    choices = (ALL, Registries(frozenset()), Registries(frozenset({"a.example.com:1"})))
    servers = [ProgramServer("s", "python", registries=choice) for choice in choices]
    assert len({fingerprint(server) for server in servers}) == len(choices)
