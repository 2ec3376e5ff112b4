"""What an edit made wrong is told with its result, where a language server knows the project."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.errors import Refused
from tools.lsp.asking import source_of
from tools.lsp.language_servers import LanguageServers
from tools.lsp.new_errors import MAX_CHANGED, new_errors
from tools.output import ToolOutput
from tools.place import Place
from tools.tool import AnyTool
from tools.workspace.disk import DiskWorkspace
from tools.workspace.port import RelPath
from tools.workspace.staged import StagedWorkspace

WITHIN_S = 1.5  # an edit waits so long at most; most are checked within a third of it


def checked(tools: Iterable[AnyTool], *, within_s: float = WITHIN_S) -> tuple[AnyTool, ...]:
    """The same tools; those that edit files say which errors that made, in words and as a part.

    A server that has not answered before is started beside the edit, which does not wait for it and
    says nothing then. One that is late, or fails, is said so.
    """
    return tuple(replace(tool, run=_with_check(tool.run, within_s)) for tool in tools)


Run = Callable[[Any, Place], Awaitable[ToolOutput]]


def _with_check(run: Run, within_s: float) -> Run:
    async def run_and_check(arguments: Any, place: Place) -> ToolOutput:
        output = await run(arguments, place)
        if output.is_error or place.folder is None:
            return output
        if not isinstance(place.files, StagedWorkspace):
            return output
        changed = await _changed(place.files)
        known = await _known_to_warm_servers(changed, place, place.folder)
        if not known:
            return output
        before = await _before(known, place.folder)
        found = await new_errors(place, before, known, within_s=within_s)
        text = "\n\n".join(part for part in (output.text, found.text) if part)
        parts = output.parts if found.part is None else (*output.parts, found.part)
        return replace(output, text=text, parts=parts)

    return run_and_check


async def _changed(files: StagedWorkspace) -> list[RelPath]:
    """The files that the call wrote, moved (both names) or deleted, as many as are looked at."""
    paths = files.changed_paths()[:MAX_CHANGED]
    old = [(await files.change_of(path)).old_path for path in paths]
    return [*paths, *(path for path in old if path is not None and path not in paths)]


async def _known_to_warm_servers(
    changed: Sequence[RelPath], place: Place, folder: Path
) -> list[RelPath]:
    """Those that can be asked about now; the servers for the others are started."""
    try:
        servers = place.need(LanguageServers)
    except LookupError:
        return []
    known: list[RelPath] = []
    for path in changed:
        try:
            if await servers.is_warm(folder, path):
                known.append(path)
            else:
                servers.warm(folder, path, (await source_of(place, path)).raw)
        except Refused:  # no server knows it, it is deleted, or it is no text
            continue
    return known


async def _before(paths: Iterable[RelPath], folder: Path) -> Mapping[RelPath, bytes]:
    """What the disk has: the files as they were when the call began."""
    disk = DiskWorkspace(folder)
    found: dict[RelPath, bytes] = {}
    for path in paths:
        try:
            found[path] = await disk.read(path)
        except Refused:  # the edit created it
            continue
    return found
