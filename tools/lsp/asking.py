"""What the tools here have in common: a place's server, the name that is asked for, shown lines."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from core.errors import Refused
from tools.lsp.arguments import At
from tools.lsp.errors import ServerFailed
from tools.lsp.language_servers import LanguageServers
from tools.lsp.positions import MAX_DOCUMENT_BYTES, Lines, path_of, uri_of
from tools.lsp.session import Session
from tools.lsp.wire import Location, Position
from tools.place import Place
from tools.text import decode, describe_binary
from tools.workspace.paths import confine
from tools.workspace.port import RelPath
from tools.workspace.staged import StagedWorkspace

T = TypeVar("T")

MAX_SHOWN = 50
MAX_LINE_CHARS = 80


class NoSuchPlace(Refused):
    """The file has no such line, or no such name on it."""

    code = "no_such_place"


@dataclass(frozen=True)
class Source:
    """A file of the project as a text."""

    path: RelPath
    raw: str
    has_bom: bool
    lines: Lines


@dataclass(frozen=True)
class Spot:
    """A place in a file, as the model says it and as the server takes it."""

    source: Source
    position: Position
    name: str
    """path:line:column"""

    def parameters(self, session: Session) -> dict[str, object]:
        """Those of a request about it."""
        return {
            "textDocument": {"uri": uri_of(session.root, self.source.path)},
            "position": self.position.model_dump(),
        }


async def source_of(place: Place, path: RelPath) -> Source:
    """A file with what this call has written.

    Raises:
        NoSuchFile, IsAFolder, TooLarge, BadPath: as `Workspace.read`.
        NoSuchPlace: it is no text, or too long for a server.
    """
    data = await place.files.read(path)
    file = decode(data)
    if file is None:
        raise NoSuchPlace(f"{path} is a {describe_binary(data)}, not a program text.")
    if len(data) > MAX_DOCUMENT_BYTES:
        raise NoSuchPlace(
            f"{path} has {len(data):,} bytes. Language servers are asked about files of up to "
            f"{MAX_DOCUMENT_BYTES:,} bytes; search its text instead."
        )
    return Source(path, file.raw, file.has_bom, Lines.of(file.raw))


async def spot_of(place: Place, arguments: At) -> Spot:
    """The place that a call is about. Raises: NoSuchPlace, and what `source_of` raises."""
    source = await source_of(place, confine(arguments.path))
    line = arguments.line - 1
    if line >= len(source.lines):
        raise NoSuchPlace(
            f"{source.path} has {len(source.lines)} lines; there is no line {arguments.line}."
        )
    column = arguments.column - 1
    if arguments.symbol:
        text = source.lines.line(line)
        found = re.search(rf"(?<!\w){re.escape(arguments.symbol)}(?!\w)", text)
        if found is None:
            raise NoSuchPlace(
                f"{arguments.symbol!r} does not stand on line {arguments.line} of {source.path}, "
                f"which is: {shortened(text)}"
            )
        column = found.start()
    name = f"{source.path}:{arguments.line}:{column + 1}"
    return Spot(source, source.lines.position(line, column), name)


async def with_server(place: Place, path: RelPath, work: Callable[[Session], Awaitable[T]]) -> T:
    """Do `work` with the language server for a file. Raises: NoServer, ServerFailed."""
    return await servers_of(place).use(folder_of(place), path, work)


def servers_of(place: Place) -> LanguageServers:
    """Those of the worker. Raises: ServerFailed."""
    try:
        return place.need(LanguageServers)
    except LookupError:
        raise ServerFailed("There are no language servers here. Search the text.") from None


def folder_of(place: Place) -> Path:
    """Where the files stand. Raises: ServerFailed."""
    if place.folder is None:
        raise ServerFailed("Language servers need the files on a disk; here are none.")
    return place.folder


class Listing:
    """Lines of files that answers name; each file is read once."""

    def __init__(self, place: Place, session: Session) -> None:
        self._place = place
        self._root = session.root
        self._session = session
        self._known: dict[RelPath, Lines | None] = {}

    async def lines(self, path: RelPath) -> Lines | None:
        """Of a file that can be read as a text."""
        if path not in self._known:
            self._known[path] = await self._lines(path)
        return self._known[path]

    async def _lines(self, path: RelPath) -> Lines | None:
        files, known, seen = self._place.files, self._session.known_lines, self._session.seen
        if isinstance(files, StagedWorkspace) and files.edits:  # the disk does not have them
            return await self._read(path)
        before = known.get(path, seen)
        if before is not None:
            return before[0]
        lines = await self._read(path)
        known.put(path, seen, lines)
        return lines

    async def _read(self, path: RelPath) -> Lines | None:
        try:
            return (await source_of(self._place, path)).lines
        except Refused:
            return None

    async def named(self, location: Location) -> tuple[str, str, str]:
        """`path:line:column`, the line, and what stands at the range; outside: the file's name."""
        start = location.range.start
        path = path_of(self._root, location.uri)
        if path is None:
            outside = location.uri.rpartition("/")[2]
            return f"(outside the project) {outside}:{start.line + 1}:{start.character + 1}", "", ""
        lines = await self.lines(path)
        if lines is None:
            return f"{path}:{start.line + 1}:{start.character + 1}", "", ""
        name = f"{path}:{start.line + 1}:{lines.column(start) + 1}"
        return name, shortened(lines.line(start.line)), lines.part(location.range)


def shortened(line: str) -> str:
    """A line as it is shown."""
    text = line.strip()
    return text if len(text) <= MAX_LINE_CHARS else f"{text[:MAX_LINE_CHARS]}…"


def kind_name(kind: int) -> str:
    """What a kind of symbol of the protocol is called here."""
    return _KINDS.get(kind, "other")


_KINDS: Mapping[int, str] = {
    5: "class",
    6: "method",
    7: "property",
    8: "property",
    9: "constructor",
    10: "enum",
    11: "interface",
    12: "function",
    13: "variable",
    14: "variable",
    22: "enum member",
    23: "class",
    26: "type",
}
