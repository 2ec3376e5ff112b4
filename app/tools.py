"""Which tools agents may be given, and what of them lives as long as the worker."""

import asyncio
import shutil
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from app.settings import Settings, SettingsInvalid
from core.clock import Clock
from jobs.files.folders import own_folder
from tools.ask_user import ASK_USER
from tools.delegate import TASK
from tools.fetch import FETCH_TOOLS, OLD_FETCH_TOOLS
from tools.fetch.addresses import NotFetched
from tools.fetch.pages import WebPages
from tools.files import FILE_TOOLS
from tools.files.by_id import ID_FILE_TOOLS
from tools.files.undo import UNDO
from tools.lsp import LSP_TOOLS
from tools.lsp.checking import checked
from tools.lsp.language_servers import LanguageServers
from tools.lsp.servers import SERVERS, Server, read_table
from tools.mcp.clients import McpClients
from tools.outputs import Outputs
from tools.place import Provided
from tools.planning import PLANNING_TOOLS
from tools.sandbox.processes import Processes
from tools.sandbox.sandbox import Sandbox
from tools.search import SEARCH_TOOLS
from tools.search.relevance.client import RelevanceIndex
from tools.terminal import TERMINAL_TOOLS
from tools.tool import AnyTool

TOOLS: tuple[AnyTool, ...] = (
    *FILE_TOOLS,
    *SEARCH_TOOLS,
    *LSP_TOOLS,
    *TERMINAL_TOOLS,
    *FETCH_TOOLS,
)
"""All of them, in the order in which models see them."""

AGENT_TOOLS = checked(TOOLS)
"""The same as agents get them: what edits files says which errors that made."""

ID_TOOLS = checked(
    (*ID_FILE_TOOLS, UNDO, *SEARCH_TOOLS, *LSP_TOOLS, *TERMINAL_TOOLS, *OLD_FETCH_TOOLS)
)
"""As agents get them in projects that have chosen the file tools of an earlier Polaris.

An id is a path, so what the others say of paths can be read and changed.
"""

CHAT_TOOLS: tuple[AnyTool, ...] = (ASK_USER, *PLANNING_TOOLS, TASK)
"""As agents get them besides where they answer a person."""

MCP_TOOLS = tuple(tool for tool in AGENT_TOOLS if tool.name != UNDO.name)
"""As MCP clients get them: they have no turns of a conversation that could be undone."""


@asynccontextmanager
async def owned_by_worker(settings: Settings, clock: Clock) -> AsyncGenerator[Provided]:
    """What tools ask their place for; closed with the worker."""
    with own_folder(settings.data_dir / "scratch") as scratch:
        await asyncio.to_thread(_empty, scratch)
        async with (
            Sandbox(clock, registries=settings.package_registries, scratch=scratch) as sandbox,
            Processes(sandbox, clock) as processes,
            Outputs(parent=scratch) as outputs,
            McpClients(sandbox, outputs) as clients,
            WebPages() as pages,
            RelevanceIndex() as relevance,
            language_servers(settings, sandbox) as servers,
        ):
            yield Provided(sandbox, processes, outputs, clients, pages, relevance, servers)


async def page_at(owned: Provided, address: str) -> str:
    """A page of the web as Markdown, or why it cannot be had."""
    try:
        return await owned(WebPages).text_of(address)
    except NotFetched as fault:
        return f"(It could not be read: {fault})"


def works_in(owned: Provided, folder: Path) -> bool:
    """Whether a process that was started goes on in a folder."""
    return owned(Processes).are_running_in(folder)


def language_servers(settings: Settings, sandbox: Sandbox) -> LanguageServers:
    """Those of a process, in its sandbox; to be used with `async with`."""
    return LanguageServers(servers=language_servers_of(settings), wrap=partial(in_sandbox, sandbox))


def _empty(folder: Path) -> None:
    """Remove the folders in it: a worker that was killed has left them."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)


def in_sandbox(
    sandbox: Sandbox, argv: Sequence[str], root: Path
) -> tuple[Sequence[str], Mapping[str, str]]:
    """How a language server is started: it sees the project's files and itself, and no network."""
    program = Path(argv[0]).parent
    wrapped = sandbox.wrap(argv, folder=root, writable=False, read_only=[program])
    return wrapped.argv, wrapped.env


def language_servers_of(settings: Settings) -> tuple[Server, ...]:
    """The language servers that may be started; those of the settings come before ours.

    Raises: SettingsInvalid.
    """
    if settings.language_servers is None:
        return SERVERS
    try:
        return (*read_table(settings.language_servers), *SERVERS)
    except (OSError, ValueError) as error:
        raise SettingsInvalid(f"POLARIS_LANGUAGE_SERVERS: {error}") from None
