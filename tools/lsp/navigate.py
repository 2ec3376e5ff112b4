"""getReferences, goToDefinition and hover: what stands at a place, and where else."""

import asyncio
from itertools import chain, groupby

from tools.lsp.arguments import READS_ALL, At
from tools.lsp.asking import MAX_SHOWN, Listing, kind_name, spot_of, with_server
from tools.lsp.errors import Declined
from tools.lsp.positions import path_of
from tools.lsp.projects import open_projects
from tools.lsp.session import Session
from tools.lsp.wire import (
    DOCUMENT_SYMBOLS,
    HIGHLIGHTS,
    HOVER,
    DocumentSymbol,
    Highlight,
    Location,
    Position,
    locations,
    read,
)
from tools.output import ToolOutput
from tools.place import Place
from tools.tool import Tool

MAX_HOVER_CHARS = 4_000
MAX_DEFINITIONS = 10
_WRITE = 3


async def get_references(arguments: At, place: Place) -> ToolOutput:
    """Every place that uses the name, and where it is declared, in the order of the files."""
    spot = await spot_of(place, arguments)

    async def ask(session: Session) -> ToolOutput:
        await open_projects(session)
        session.show(spot.source.path, spot.source.raw, is_staged=True)
        context = {"context": {"includeDeclaration": True}}
        answer = await session.ask("textDocument/references", spot.parameters(session) | context)
        found = locations(answer)
        if not found:
            return ToolOutput(f"No references found at {spot.name}")
        listing = Listing(place, session)
        files = groupby(found[:MAX_SHOWN], key=lambda each: each.uri)
        lines = await asyncio.gather(
            *(_references_in(uri, list(here), session, listing) for uri, here in files)
        )
        showing = f" (showing first {MAX_SHOWN})" if len(found) > MAX_SHOWN else ""
        return ToolOutput("\n".join([f"Found {len(found)} reference(s){showing}:", *chain(*lines)]))

    return await with_server(place, spot.source.path, ask)


async def _references_in(
    uri: str, found: list[Location], session: Session, listing: Listing
) -> list[str]:
    """Those in one file, with what each of them does."""
    at = {"textDocument": {"uri": uri}, "position": found[0].range.start.model_dump()}
    try:
        answer = await session.ask("textDocument/documentHighlight", at)
        marks: tuple[Highlight, ...] = read(HIGHLIGHTS, answer) or ()
    except Declined:
        marks = ()
    writes = [mark.range.start for mark in marks if mark.kind == _WRITE]
    lines: list[str] = []
    for each in found:
        name, line, _ = await listing.named(each)
        lines.append(f"[{'write' if each.range.start in writes else 'read'}] {name} - {line}")
    return lines


async def go_to_definition(arguments: At, place: Place) -> ToolOutput:
    """Where the name is defined."""
    spot = await spot_of(place, arguments)

    async def ask(session: Session) -> ToolOutput:
        session.show(spot.source.path, spot.source.raw, is_staged=True)
        answer = await session.ask("textDocument/definition", spot.parameters(session))
        found = locations(answer)
        if not found:
            return ToolOutput(f"No definition found at {spot.name}")
        listing = Listing(place, session)
        texts = [await _definition(each, session, listing) for each in found[:MAX_DEFINITIONS]]
        if len(found) == 1:
            return ToolOutput(f"Definition found:\n{texts[0]}")
        return ToolOutput("\n".join([f"Found {len(found)} definition(s):", *texts]))

    return await with_server(place, spot.source.path, ask)


async def _definition(location: Location, session: Session, listing: Listing) -> str:
    name, line, symbol = await listing.named(location)
    lines = [f"  {name}"]
    if line:
        kind = await _kind_at(location, session)
        lines += [f"  {kind}: {symbol.partition(chr(10))[0]}", f"  {line}"]
    return "\n".join(lines)


async def _kind_at(location: Location, session: Session) -> str:
    if path_of(session.root, location.uri) is None:
        return "other"
    try:
        uri = {"textDocument": {"uri": location.uri}}
        symbols = read(DOCUMENT_SYMBOLS, await session.ask("textDocument/documentSymbol", uri))
    except Declined:
        return "other"
    return _kind_in(symbols or (), location.range.start) or "other"


def _kind_in(symbols: tuple[DocumentSymbol, ...], position: Position) -> str | None:
    for symbol in symbols:
        if symbol.selection_range.start == position:
            return kind_name(symbol.kind)
        inside = _kind_in(symbol.children or (), position)
        if inside is not None:
            return inside
    return None


async def hover(arguments: At, place: Place) -> ToolOutput:
    """The type and the documentation of a name."""
    spot = await spot_of(place, arguments)

    async def ask(session: Session) -> ToolOutput:
        session.show(spot.source.path, spot.source.raw, is_staged=True)
        answer = read(HOVER, await session.ask("textDocument/hover", spot.parameters(session)))
        text = "" if answer is None else answer.text.strip().replace(f"{session.root}/", "")
        if not text:
            return ToolOutput(f"Nothing is known of {spot.name}")
        return ToolOutput(_cut(text))

    return await with_server(place, spot.source.path, ask)


def _cut(text: str) -> str:
    if len(text) <= MAX_HOVER_CHARS:
        return text
    return f"{text[:MAX_HOVER_CHARS]}\n[{len(text) - MAX_HOVER_CHARS:,} characters more]"


GET_REFERENCES = Tool(
    name="getReferences",
    description="List every use of the name at a place, over the whole project.",
    arguments=At,
    touches=lambda _: READS_ALL,
    run=get_references,
    timeout_s=60.0,
)

GO_TO_DEFINITION = Tool(
    name="goToDefinition",
    description="Find where the name at a place is defined.",
    arguments=At,
    touches=lambda _: READS_ALL,
    run=go_to_definition,
    timeout_s=60.0,
)

HOVER_TOOL = Tool(
    name="hover",
    description="Show type and documentation of the name at a place.",
    arguments=At,
    touches=lambda _: READS_ALL,
    run=hover,
    timeout_s=60.0,
)
