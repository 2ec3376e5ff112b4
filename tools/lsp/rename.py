"""renameSymbol: a name in all of its places, in all files or in none."""

import re
from contextlib import suppress
from typing import Annotated

from pydantic import Field

from core.errors import Refused
from tools.lsp.arguments import MAX_NAME_CHARS, At
from tools.lsp.asking import Source, Spot, source_of, spot_of, with_server
from tools.lsp.errors import Declined, Nonsense
from tools.lsp.positions import path_of
from tools.lsp.projects import open_projects
from tools.lsp.session import Session
from tools.lsp.wire import WORKSPACE_EDIT, Range, TextEdit, locations, read
from tools.output import ToolOutput
from tools.place import Place, Touches
from tools.text import sha256_of
from tools.tool import Tool
from tools.workspace.paths import ROOT

MAX_FILES = 500
MAX_ASKED = 500  # places where a name is taken over
MAX_LISTED = 20


class RenameSymbol(At):
    """Arguments of renameSymbol."""

    new_name: Annotated[
        str,
        Field(
            alias="newName", min_length=1, max_length=MAX_NAME_CHARS, description="Its new name."
        ),
    ]


class NotRenamed(Refused):
    """Nothing was changed."""

    code = "not_renamed"


async def rename_symbol(arguments: RenameSymbol, place: Place) -> ToolOutput:
    """All new texts are made before the first is written."""
    if not re.fullmatch(r"[^\W\d][\w$]*|[$_][\w$]*|#[\w$]+", arguments.new_name):
        raise NotRenamed(f"{arguments.new_name!r} is no name, so nothing was changed.")
    spot = await spot_of(place, arguments)

    async def ask(session: Session) -> list[tuple[Source, bytes, int]]:
        await open_projects(session)
        session.show(spot.source.path, spot.source.raw, is_staged=True)
        edits = await _Renaming(session, arguments.new_name).edits(spot)
        if not edits:
            raise NotRenamed(
                f"No name that can be renamed stands at {spot.name}, so nothing was changed."
            )
        return await _new_texts(edits, place, session)

    changes = await with_server(place, spot.source.path, ask)
    for source, data, _ in changes:
        await _write(source, data, place)
    return ToolOutput(_told(arguments.new_name, changes))


class _Renaming:
    """Asks for a name where it is defined, and again wherever a file takes it over by an import.

    A server that renames `add` to `plus` leaves the other files with `import { plus as add }`. Each
    such place is asked about as well, until the name is new everywhere; what else it means there,
    as the property in `{ add }`, the server keeps: `{ add: plus }`.
    """

    def __init__(self, session: Session, new_name: str) -> None:
        self._session = session
        self._new_name = new_name
        self._texts: dict[tuple[str, Range], set[str]] = {}

    async def edits(self, spot: Spot) -> dict[str, list[TextEdit]]:
        """By document; nothing where no name stands. Raises: NotRenamed."""
        at = spot.parameters(self._session)
        definition = locations(await self._session.ask("textDocument/definition", at))
        if len(definition) == 1 and self._is_ours(definition[0].uri):
            at = _parameters(definition[0].uri, definition[0].range)
        pending = await self._ask(at, spot.name)
        for _ in range(MAX_ASKED):
            if not pending:
                break
            uri, span = pending.pop()
            with suppress(NotRenamed):
                pending += await self._ask(_parameters(uri, span), spot.name)
        found: dict[str, list[TextEdit]] = {}
        for (uri, span), texts in self._texts.items():
            text = self._new_name if len(texts) > 1 else next(iter(texts))
            found.setdefault(uri, []).append(TextEdit(range=span, new_text=text))
        return found

    async def _ask(self, at: dict[str, object], name: str) -> list[tuple[str, Range]]:
        """Take over the edits of one place; those to ask about next. Raises: NotRenamed."""
        parameters = at | {"newName": self._new_name}
        try:
            answer = await self._session.ask("textDocument/rename", parameters)
        except Declined as declined:
            raise NotRenamed(
                f"{name} cannot be renamed, so nothing was changed: {declined}"
            ) from None
        edit = read(WORKSPACE_EDIT, answer)
        news: list[tuple[str, Range]] = []
        for uri, edits in ({} if edit is None else edit.by_uri).items():
            for each in edits:
                key = (uri, each.range)
                if key not in self._texts and each.new_text.startswith(f"{self._new_name} as "):
                    news.append(key)
                self._texts.setdefault(key, set()).add(each.new_text)
        return news

    def _is_ours(self, uri: str) -> bool:
        path = path_of(self._session.root, uri)
        return path is not None and "node_modules" not in path.split("/")


def _parameters(uri: str, span: Range) -> dict[str, object]:
    return {"textDocument": {"uri": uri}, "position": span.start.model_dump()}


async def _new_texts(
    edits: dict[str, list[TextEdit]], place: Place, session: Session
) -> list[tuple[Source, bytes, int]]:
    """Each file with its new content and the number of places. Raises: NotRenamed, Nonsense."""
    if len(edits) > MAX_FILES:
        raise NotRenamed(
            f"{len(edits)} files use the name; at most {MAX_FILES} are changed at once. "
            "Nothing was changed."
        )
    found: list[tuple[Source, bytes, int]] = []
    for uri, changes in edits.items():
        path = path_of(session.root, uri)
        if path is None or "node_modules" in path.split("/"):
            raise NotRenamed(
                "The name is defined outside of the project's own files, in "
                f"{uri.rpartition('/')[2]}, so it cannot be renamed. Nothing was changed."
            )
        source = await source_of(place, path)
        found.append((source, _edited(source, changes), len(changes)))
    return found


def _edited(source: Source, edits: list[TextEdit]) -> bytes:
    """The file with the edits made. Raises: Nonsense: they overlap."""
    spans = sorted(
        (source.lines.offset(each.range.start), source.lines.offset(each.range.end), each.new_text)
        for each in edits
    )
    pieces: list[str] = []
    end_of_last = 0
    for start, end, text in spans:
        if start < end_of_last or end < start:
            raise Nonsense("edits that overlap")
        pieces += [source.raw[end_of_last:start], text]
        end_of_last = end
    pieces.append(source.raw[end_of_last:])
    return (b"\xef\xbb\xbf" if source.has_bom else b"") + "".join(pieces).encode()


async def _write(source: Source, data: bytes, place: Place) -> None:
    """Write one file; what the run knew of it, it knows of the new text."""
    before = sha256_of((b"\xef\xbb\xbf" if source.has_bom else b"") + source.raw.encode())
    await place.files.write(source.path, data, expected_sha256=before)
    if place.seen.get(source.path) == before:
        place.seen[source.path] = sha256_of(data)


def _told(new_name: str, changes: list[tuple[Source, bytes, int]]) -> str:
    count = sum(each for _, _, each in changes)
    lines = [f"{source.path} ({each})" for source, _, each in changes[:MAX_LISTED]]
    if len(changes) > MAX_LISTED:
        lines.append(f"… and {len(changes) - MAX_LISTED} files more")
    return "\n".join(
        [f"Renamed to {new_name}: {count} place(s) in {len(changes)} file(s):", *lines]
    )


RENAME_SYMBOL = Tool(
    name="renameSymbol",
    description="Rename the name at a place everywhere in the project, in all files or in none.",
    arguments=RenameSymbol,
    touches=lambda _: Touches(writes=frozenset({ROOT})),
    run=rename_symbol,
    timeout_s=60.0,
)
