"""Which files of a project a search looks at: not reserved, generated or ignored ones."""

import asyncio
import os
import re
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path

from tools.place import Place
from tools.search.globs import Glob
from tools.search.programs import RIPGREP, Output, run_program
from tools.workspace.ignored import GENERATED, MAX_RULES_BYTES, RULES_FILE, Rules
from tools.workspace.paths import (
    RESERVED,
    ROOT,
    TEMPORARY_PREFIX,
    composed,
    confine,
    is_within,
    parent_of,
)
from tools.workspace.port import MAX_FILE_BYTES, BadPath, RelPath

_NEVER = (*sorted(RESERVED), f"{TEMPORARY_PREFIX}*", "git~[0-9]*")

ALWAYS = (
    "--no-config",
    "--no-messages",
    "--color=never",
    "--hidden",
    "--no-require-git",  # .gitignore holds without a repository as well …
    "--no-ignore-parent",  # … and nothing of the machine does
    "--no-ignore-global",
    "--no-ignore-exclude",
    "--no-ignore-dot",
    f"--max-filesize={MAX_FILE_BYTES}",
    *(f"--iglob=!{name}" for name in _NEVER),
    *(f"--glob=!{pattern}" for pattern in map(str, GENERATED.patterns)),
)
"""By which ripgrep looks at what belongs to a project. It follows no link."""

_NAME = r"[A-Za-z0-9_@+][\w@+\-]*(?:\.[\w@+\-]+)*"
_PLAIN = re.compile(f"{_NAME}(?:/{_NAME})*", re.ASCII)


async def list_files(
    place: Place, glob: Glob | None, *, max_bytes: int = MAX_FILE_BYTES
) -> list[RelPath]:
    """The files that a search looks at, sorted; binary ones as well."""
    if place.folder is None:
        return [path for path in await _walked(place) if glob is None or glob.matches(path)]
    found = await ripgrep(place.folder, ["--files", "--null", f"--max-filesize={max_bytes}"], glob)
    return await asyncio.to_thread(_names, found.stdout, glob)


async def ripgrep(folder: Path, arguments: Sequence[str], glob: Glob | None) -> Output:
    """Run ripgrep over a folder; of a glob it sees more than matches: ask `Glob.matches`."""
    with _rules_file(glob) as file:
        given = () if file is None else (f"--ignore-file=/dev/fd/{file}",)
        return await run_program(
            RIPGREP,
            [*ALWAYS, *given, *arguments],
            folder=folder,
            files=() if file is None else (file,),
        )


async def names_containing(
    folder: Path, pattern: str, glob: Glob | None, *, is_literal: bool
) -> set[RelPath]:
    """The files in which something stands, in whatever case; of a glob more than match."""
    asked = ["--files-with-matches", "--null", "--ignore-case", "--text"]
    literal = ["--fixed-strings"] if is_literal else []
    found = await ripgrep(folder, [*asked, *literal, f"--regexp={pattern}", "."], glob)
    return set(await asyncio.to_thread(_names, found.stdout, None))


def path_from(found: bytes) -> RelPath | None:
    """The path that ripgrep has printed, unless tools may not name it."""
    try:
        text = composed(found.decode().removeprefix("./"))
        if _PLAIN.fullmatch(text) and len(text) < 200:  # noqa: PLR2004 - most paths: `confine` takes its time
            return RelPath(text)
        path = confine(text)
    except (BadPath, UnicodeDecodeError):
        return None
    return path if path == text else None


def _names(stdout: bytes, glob: Glob | None) -> list[RelPath]:
    paths = (path_from(name) for name in stdout.split(b"\0") if name)
    return sorted({path for path in paths if path and (glob is None or glob.matches(path))})


@contextmanager
def _rules_file(glob: Glob | None) -> Generator[int | None]:
    """A descriptor from which the rules of the glob can be read once."""
    if glob is None or not glob.rules:
        yield None
        return
    reading, writing = os.pipe()
    try:
        with open(writing, "wb") as file:  # noqa: PTH123 - a descriptor; 64 KiB never block, and it is less
            file.write("\n".join(glob.rules).encode())
        yield reading
    finally:
        os.close(reading)


async def _walked(place: Place) -> list[RelPath]:
    """The same without a disk, for projects in memory: the rules are read and applied here."""
    entries = await place.files.walk()
    sources = {
        parent_of(entry.path): (await place.files.read(entry.path)).decode(errors="replace")
        for entry in entries
        if entry.path.rpartition("/")[2] == RULES_FILE
        and entry.kind == "file"
        and entry.size_bytes <= MAX_RULES_BYTES
    }
    rules = {ROOT: Rules().within(ROOT, sources.get(ROOT, ""))}
    ignored: set[RelPath] = set()
    files: list[RelPath] = []
    for entry in entries:  # a folder comes before what is in it
        parent = parent_of(entry.path)
        is_folder = entry.kind == "folder"
        if _is_below(parent, ignored) or rules[parent].ignores(entry.path, is_folder=is_folder):
            ignored.add(entry.path)
        elif is_folder:
            text = sources.get(entry.path)
            own = rules[parent]
            rules[entry.path] = own if text is None else own.within(entry.path, text)
        elif entry.kind == "file":
            files.append(entry.path)
    return files


def _is_below(path: RelPath, folders: Iterable[RelPath]) -> bool:
    return any(is_within(path, folder) for folder in folders)
