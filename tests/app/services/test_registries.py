"""Which package registries a project's programs reach, outside of runs: MCP clients, terminals."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from app.services.configuring import Configuring, RegistryNotAllowed
from app.services.mcp.project_tools import ProjectTools
from app.services.mcp.tokens import McpTokens
from app.services.terminals import Terminals
from core.ids import OwnerId, ProjectId
from jobs.files.folders import ProjectFolders
from store import Store
from tests.support.registries import sandbox_with_registry
from tests.support.shells import shown
from tests.support.store import convex_url, owner, store
from tools.output import ToolOutput
from tools.place import Place, Provided, Touches
from tools.sandbox.registries import Registries
from tools.tool import Tool

__all__ = ["convex_url", "owner", "store"]

pytestmark = pytest.mark.timeout(120)

NPM, PIP = "npm.example.com:443", "pip.example.com:443"


class NoArguments(BaseModel):
    """The tool of these tests takes none."""


async def tell(_: NoArguments, place: Place) -> ToolOutput:
    only = place.need(Registries).only
    return ToolOutput("all" if only is None else ", ".join(sorted(only)) or "none")


TELL = Tool("tell", "Which registries.", NoArguments, lambda _: Touches(), tell)


@pytest.fixture
async def project(store: Store, owner: OwnerId) -> ProjectId:
    return (await store.projects.create(owner=owner, name="Shop")).project_id


async def test_a_project_chooses_among_those_of_the_operator(
    store: Store, owner: OwnerId, project: ProjectId
) -> None:
    configuring = Configuring(store, (PIP.upper(), NPM))
    assert configuring.registries == (NPM, PIP)
    settings = await configuring.change(project, {"registries": (PIP,)}, owner=owner)
    assert settings.registries == (PIP,)
    for bad in (("evil.example.com:443",), (PIP, "npm.example.com:80")):
        with pytest.raises(RegistryNotAllowed, match="is not among"):
            await configuring.change(project, {"registries": bad}, owner=owner)
    assert await configuring.settings(project, owner=owner) == settings


async def test_calls_over_mcp_reach_what_the_project_allows_now(
    store: Store, owner: OwnerId, project: ProjectId, tmp_path: Path
) -> None:
    tokens = McpTokens(store)
    token = f"Bearer {await tokens.issue(project, owner=owner)}"
    tools = ProjectTools(store, ProjectFolders(store, tmp_path), Provided(), [TELL])
    told: list[str] = []
    for chosen in (None, (NPM,), ()):
        await store.projects.configure(project, owner=owner, change={"registries": chosen})
        told.append((await tools.call(await tokens.caller(token), "tell", {})).text)
    assert told == ["all", NPM, "none"]


@pytest.fixture
async def terminals(store: Store, tmp_path: Path) -> AsyncIterator[tuple[Terminals, str]]:
    """Those of a sandbox with one registry, and its name."""
    async with (
        sandbox_with_registry() as (sandbox, registry),
        Terminals(store, ProjectFolders(store, tmp_path), sandbox) as opened,
    ):
        yield opened, registry


async def test_a_terminal_reaches_what_the_project_allows_when_it_is_opened(
    store: Store, owner: OwnerId, project: ProjectId, terminals: tuple[Terminals, str]
) -> None:
    opened, registry = terminals
    ask = (
        'proxy=${HTTPS_PROXY#http://}; key=$(printf %s "${proxy%@*}" | base64 -w0); '
        'echo "by ${HTTPS_PROXY:+a }way"; exec 3<>/dev/tcp/127.0.0.1/${proxy##*:} && '
        f"printf 'CONNECT {registry} HTTP/1.1\\r\\nProxy-Authorization: Basic %s\\r\\n\\r\\n' "
        "\"$key\" >&3 && head -1 <&3; echo 'do'ne\n"
    )
    for chosen, words in ((None, "200 Connection established"), ((), "by way")):
        await store.projects.configure(project, owner=owner, change={"registries": chosen})
        async with opened.viewed(project, owner=owner, session_id=None) as (terminal, view):
            await terminal.shell.write(ask.encode())
            assert words in await shown(view, "done\r\n")
            terminal.end("seen")
