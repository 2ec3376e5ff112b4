"""findSymbol: where something is defined, by a part of its name."""

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import Field

from tools.arguments import Arguments
from tools.lsp.arguments import MAX_NAME_CHARS, READS_ALL
from tools.lsp.asking import MAX_SHOWN, Listing, folder_of, kind_name, servers_of
from tools.lsp.errors import ServerFailed
from tools.lsp.positions import path_of
from tools.lsp.projects import open_projects
from tools.lsp.servers import NoServer, Server
from tools.lsp.session import Session
from tools.lsp.watching import INSTALLED
from tools.lsp.wire import SYMBOLS, Symbol, read
from tools.output import ToolOutput
from tools.place import Place
from tools.tool import Tool
from tools.workspace.port import Entry, RelPath

_INSTALLED = frozenset(INSTALLED)

Kind = Literal["function", "class", "variable", "interface", "type", "all"]

_OF_KIND: dict[Kind, set[str]] = {
    "function": {"function", "method", "constructor"},
    "class": {"class"},
    "variable": {"variable", "property"},
    "interface": {"interface"},
    "type": {"type", "enum"},
}


class FindSymbol(Arguments):
    """Arguments of findSymbol."""

    query: Annotated[
        str, Field(min_length=1, max_length=MAX_NAME_CHARS, description="Part of the name.")
    ]
    kind: Annotated[Kind, Field(description="Only symbols of this kind.")] = "all"


async def find_symbol(arguments: FindSymbol, place: Place) -> ToolOutput:
    """Ask every server that has files here; one that fails is told of, the others answer."""
    servers, folder = servers_of(place), folder_of(place)
    found: list[str] = []
    count = 0
    failed: list[str] = []

    async def ask(session: Session) -> tuple[list[str], int]:
        await open_projects(session)
        answer = await session.ask("workspace/symbol", {"query": arguments.query})
        symbols = _matching(arguments, read(SYMBOLS, answer) or (), session)
        listing = Listing(place, session)
        return [await _line(each, listing) for each in symbols[:MAX_SHOWN]], len(symbols)

    examples = _examples(await place.files.walk(), servers.servers)
    for path in examples:
        try:
            lines, of_server = await servers.use(folder, path, ask)
        except (NoServer, ServerFailed) as error:
            failed.append(str(error))
        else:
            found += lines
            count += of_server
    if not examples:
        raise NoServer("No file of this project has a language server. Search the text instead.")
    if len(failed) == len(examples):
        raise ServerFailed("\n".join(failed))
    head = _head(arguments, count)
    return ToolOutput("\n".join([head, *found[:MAX_SHOWN], *failed]))


def _matching(arguments: FindSymbol, symbols: tuple[Symbol, ...], session: Session) -> list[Symbol]:
    """Those of the project with the text in their name, whole names first."""
    query = arguments.query.casefold()
    kinds = _OF_KIND.get(arguments.kind)
    found = [
        each
        for each in symbols
        if query in each.name.casefold()
        and (kinds is None or kind_name(each.kind) in kinds)
        and (path := path_of(session.root, each.location.uri)) is not None
        and "node_modules" not in path.split("/")
    ]
    return sorted(found, key=lambda each: each.name.casefold() != query)


def _full_name(symbol: Symbol) -> str:
    return f"{symbol.container_name}.{symbol.name}" if symbol.container_name else symbol.name


async def _line(symbol: Symbol, listing: Listing) -> str:
    where, _, _ = await listing.named(symbol.location)
    return f"[{kind_name(symbol.kind)}] {_full_name(symbol)} - {where}"


def _examples(entries: list[Entry], servers: Sequence[Server]) -> list[RelPath]:
    """A file for each server that has files in the project."""
    found: dict[str, RelPath] = {}
    for entry in entries:
        if entry.kind != "file" or not _INSTALLED.isdisjoint(entry.path.split("/")):
            continue
        suffix = PurePosixPath(entry.path).suffix.lower()
        for server in servers:
            if suffix in server.languages:
                found.setdefault(server.name, entry.path)
                break
    return list(found.values())


def _head(arguments: FindSymbol, count: int) -> str:
    if count == 0:
        of_kind = f' of kind "{arguments.kind}"' if arguments.kind != "all" else ""
        return f'No symbols found matching "{arguments.query}"{of_kind}.'
    showing = f" (showing first {MAX_SHOWN})" if count > MAX_SHOWN else ""
    return f"Found {count} symbol(s){showing}:"


FIND_SYMBOL = Tool(
    name="findSymbol",
    description=(
        "Find where functions, classes, variables and types are defined, by a part of their name."
    ),
    arguments=FindSymbol,
    touches=lambda _: READS_ALL,
    run=find_symbol,
    timeout_s=60.0,
)
