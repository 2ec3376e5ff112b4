"""A project with an MCP server in it, written with the official package, and clients of it."""

import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import mcp
import pytest

from tests.tools.fetch.site import only_here
from tools.mcp.clients import McpClients
from tools.mcp.config import McpServer, ProgramServer, WebServer
from tools.mcp.offered import Listed
from tools.mcp.tool import tool_of
from tools.output import ToolOutput
from tools.outputs import Outputs
from tools.place import Place, Provided
from tools.registry import Toolbox
from tools.sandbox.sandbox import Sandbox
from tools.terminal import TERMINAL_TOOLS
from tools.workspace.disk import DiskWorkspace

HERE = Path(__file__).parent
PACKAGES = Path(mcp.__file__).parents[1]


def linked(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose folder has the official package, as one that was installed there."""
    made = tmp_path_factory.mktemp("mcp-project")
    shutil.copy2(HERE / "official_server.py", made)
    for name in NEEDED:
        for found in PACKAGES.glob(name):
            target = made / "packages" / found.name
            if found.is_dir():
                shutil.copytree(
                    found,
                    target,
                    copy_function=linked,
                    ignore=shutil.ignore_patterns("__pycache__"),
                    dirs_exist_ok=True,
                )
            else:
                target.parent.mkdir(exist_ok=True)
                linked(str(found), str(target))
    return made


NEEDED = (
    *("_cffi_backend*", "annotated_types", "anyio*", "attr", "attrs", "click", "cryptography"),
    *("h11", "httpcore2*", "httpx2*", "idna", "jsonschema*", "jwt", "mcp", "mcp-*", "mcp_types*"),
    *("opentelemetry*", "pydantic", "pydantic_core", "pydantic_settings", "python_multipart"),
    *("referencing", "rpds", "sniffio", "sse_starlette", "starlette", "typing_extensions.py"),
    *("typing_inspection", "uvicorn", "certifi", "dotenv", "truststore*"),
)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as opened:
        if opened.kind is None:
            pytest.skip("this machine has no user namespaces and no Landlock")
        yield opened


class Servers:
    """MCP servers as a project names them, used as an agent uses them."""

    def __init__(self, clients: McpClients, outputs: Outputs, folder: Path) -> None:
        self.clients = clients
        self.folder = folder
        self._outputs = outputs
        self.place = Place(DiskWorkspace(folder), folder=folder, need=Provided(clients, outputs))

    async def list(self, *servers: McpServer) -> Listed:
        return await self.clients.list(self.folder, servers)

    async def toolbox(self, *servers: McpServer) -> Toolbox:
        listed = await self.list(*servers)
        assert listed.problems == (), listed.problems
        by_name = {server.name: server for server in servers}

        async def server_of(name: str) -> McpServer | None:
            return by_name.get(name)

        return Toolbox([*(tool_of(each, server_of) for each in listed.tools), *TERMINAL_TOOLS])

    async def call(self, toolbox: Toolbox, name: str, **arguments: Any) -> ToolOutput:
        return await toolbox.run(name, arguments, self.place)


@pytest.fixture
async def servers(sandbox: Sandbox, folder: Path) -> AsyncIterator[Servers]:
    async with Outputs() as outputs, McpClients(sandbox, outputs, allows=only_here) as clients:
        yield Servers(clients, outputs, folder)


@pytest.fixture
def program() -> ProgramServer:
    env = {"PYTHONPATH": "packages", "TOKEN": "it's a $ecret"}
    return ProgramServer("notes", "python", ("official_server.py",), env)


@pytest.fixture
def web() -> Iterator[WebServer]:
    with subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, HERE / "official_server.py", "web"], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        yield WebServer("remote", f"http://127.0.0.1:{port}/mcp", {"X-Key": "secret"})
        process.kill()
