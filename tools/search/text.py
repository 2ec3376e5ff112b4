"""searchFiles: the lines of a project that match a pattern, as text for the model."""

import asyncio
from typing import Annotated

from pydantic import Field

from tools.arguments import Arguments
from tools.output import ToolOutput
from tools.place import Place, Touches
from tools.search.arguments import MAX_PATTERN_CHARS, FilePattern, glob_or_none, one_line
from tools.search.globs import Glob
from tools.search.lines import NotARegex, Searched, Wanted, part_around, search_lines
from tools.search.listing import list_files
from tools.search.programs import RUN_S
from tools.tool import Tool
from tools.workspace.paths import ROOT
from tools.workspace.port import RelPath

MAX_SHOWN = 50
MAX_CONTEXT_LINES = 5


class SearchFiles(Arguments):
    """Arguments of searchFiles."""

    pattern: Annotated[
        str,
        Field(
            min_length=1,
            max_length=MAX_PATTERN_CHARS,
            description="A regular expression, matched line by line (no look-around).",
        ),
    ]
    file_pattern: FilePattern = None
    case_sensitive: Annotated[
        bool, Field(alias="caseSensitive", description="Whether A differs from a.")
    ] = False
    context_lines: Annotated[
        int,
        Field(
            alias="contextLines",
            ge=0,
            le=MAX_CONTEXT_LINES,
            description="Lines to show around each match.",
        ),
    ] = 0


async def search_files(arguments: SearchFiles, place: Place) -> ToolOutput:
    """The lines that match; a pattern that is no regular expression is searched as it stands."""
    one_line(arguments.pattern)
    glob = glob_or_none(arguments.file_pattern)
    remark = ""
    try:
        found = await search_lines(
            Wanted(arguments.pattern, False, arguments.case_sensitive), glob, place, most=MAX_SHOWN
        )
    except NotARegex as why:
        remark = (
            f"[The pattern is no regular expression here ({why}); it was searched as plain text.]"
        )
        wanted = Wanted(arguments.pattern, True, arguments.case_sensitive)
        found = await search_lines(wanted, glob, place, most=MAX_SHOWN)
    if found.is_late:
        remark += f"[Stopped after {RUN_S:g} s: there may be more. Narrow it with filePattern.]"
    text = await asyncio.to_thread(_told, found, arguments.context_lines)
    if not found.matches:
        text = await _nothing(arguments, glob, place)
    return ToolOutput(text=f"{text}\n{remark}" if remark else text)


def _told(found: Searched, context_lines: int) -> str:
    more = f" (showing first {len(found.matches)})" if found.count > len(found.matches) else ""
    told = [f"Found {found.count} match(es){more}:"]
    is_match = {(match.path, match.line) for match in found.matches}
    last: tuple[RelPath, int] | None = None
    for match in found.matches:
        lines = found.texts[match.path]
        first = max(0, match.line - context_lines)
        if last is not None and last[0] == match.path:
            first = max(first, last[1] + 1)
        if context_lines and last is not None and (match.path, first - 1) != last:
            told.append("--")
        for at in range(first, min(len(lines), match.line + context_lines + 1)):
            if at > match.line and (match.path, at) in is_match:
                break
            place = f"{match.path}:{at + 1}"
            if at == match.line:
                shown = _cut(lines[at], match.column, keeps_indent=context_lines > 0)
                told.append(f"{place}:{match.column + 1} - {shown}")
            else:
                told.append(f"{match.path}-{at + 1}- {_cut(lines[at], 0, keeps_indent=True)}")
            last = (match.path, at)
    return "\n".join(told)


def _cut(line: str, column: int, *, keeps_indent: bool) -> str:
    """The line, or the part of a long one around a column, as it is told."""
    start, part = part_around(line, column)
    is_end = start + len(part) >= len(line)
    told = ("…" if start else "") + part + ("" if is_end else "…")
    return told.rstrip() if keeps_indent else told.strip()


async def _nothing(arguments: SearchFiles, glob: Glob | None, place: Place) -> str:
    if glob is None:
        return f'No matches found for pattern "{arguments.pattern}".'
    if not await list_files(place, glob):
        return f'No files matching pattern "{glob.text}" found.'
    return f'No matches found for pattern "{arguments.pattern}" in files matching "{glob.text}".'


SEARCH_FILES = Tool(
    name="searchFiles",
    description=(
        "Search the text of all files with ripgrep. Shows the first 50 matching lines. Files that "
        ".gitignore names and binary files are left out."
    ),
    arguments=SearchFiles,
    touches=lambda _: Touches(reads=frozenset({ROOT})),
    run=search_files,
)
