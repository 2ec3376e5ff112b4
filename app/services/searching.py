"""Searches of people in the texts of their projects: as the agent searches, in the same folders."""

import asyncio
from dataclasses import dataclass

from core.ids import OwnerId, ProjectId
from jobs.files.folders import ProjectFolders
from tools.place import Place
from tools.search.arguments import MAX_PATTERN_CHARS, BadPattern, glob_or_none, one_line
from tools.search.globs import MAX_GLOB_CHARS
from tools.search.lines import Match, NotARegex, Searched, Wanted, part_around, search_lines

__all__ = ["MAX_GLOB_CHARS", "MAX_PATTERN_CHARS", "FoundLine", "FoundLines", "Pattern", "Searching"]

AT_ONCE = 4  # of this process; others wait for their turn


@dataclass(frozen=True)
class Pattern:
    """What is searched for, in which files."""

    text: str
    is_regex: bool
    is_case_sensitive: bool
    glob: str | None


@dataclass(frozen=True)
class FoundLine:
    """A line that matches, or the part of a long one around its first match.

    `line` and the columns are from 1, in characters; `text` begins at `text_column`.
    """

    path: str
    line: int
    column: int
    text: str
    text_column: int


@dataclass(frozen=True)
class FoundLines:
    """The first of `total` lines; not `is_complete`: there was no time for all files."""

    matches: tuple[FoundLine, ...] = ()
    total: int = 0
    is_complete: bool = True


class Searching:
    """Looks for lines in the files of projects."""

    def __init__(self, folders: ProjectFolders) -> None:
        self._folders = folders
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def search(
        self, project_id: ProjectId, pattern: Pattern, *, owner: OwnerId, most: int
    ) -> FoundLines:
        """The lines that match, by path, in a project that the caller owns.

        Raises:
            BadPattern: it is no regular expression, or has more than one line.
            BadGlob: the files cannot be named like this.
            NotFound: the project is gone.
            StoreUnavailable, DiskFull: its files cannot be fetched.
        """
        wanted = Wanted(one_line(pattern.text), not pattern.is_regex, pattern.is_case_sensitive)
        glob = glob_or_none(pattern.glob)
        folder = self._folders.folder(project_id, owner=owner)
        async with self._turns:
            with folder.in_use():
                await folder.pull()
                place = Place(folder.workspace, folder=folder.path)
                try:
                    return _told(await search_lines(wanted, glob, place, most=most))
                except NotARegex as why:
                    raise BadPattern(
                        f"This is no regular expression here: {why}. Mend it, or search for it as "
                        "plain text."
                    ) from None


def _told(found: Searched) -> FoundLines:
    lines = (_line(match, found.texts[match.path][match.line]) for match in found.matches)
    return FoundLines(tuple(lines), found.count, not found.is_late)


def _line(match: Match, line: str) -> FoundLine:
    start, part = part_around(line, match.column)
    return FoundLine(match.path, match.line + 1, match.column + 1, part, start + 1)
