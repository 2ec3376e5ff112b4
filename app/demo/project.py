"""A folder on disk as the files of a new project."""

from collections.abc import Iterator
from pathlib import Path

from pathspec import GitIgnoreSpec

from tools.workspace.paths import confine
from tools.workspace.port import BadPath, RelPath

ALWAYS_LEFT_OUT = (".git/", "node_modules/", ".venv/", "__pycache__/")
MOST_FILES = 2_000  # the demo shows the chat, not an import; more are left out, and it says so
MOST_BYTES = 1_000_000  # of one file


def files_of(folder: Path) -> tuple[dict[str, bytes], int]:
    """The files that git would keep, by path; and how many were left out.

    Those are too large, too many, of a name that no project may have, or there already in another
    spelling of the same name.
    """
    ignored = _ignored(folder)
    kept: dict[str, bytes] = {}
    left_out = 0
    for path in _walk(folder):
        given = path.relative_to(folder).as_posix()
        if ignored.match_file(given):
            continue
        name = _name_of(given)
        is_too_much = len(kept) >= MOST_FILES or path.stat().st_size > MOST_BYTES
        if name is None or name in kept or is_too_much:
            left_out += 1
            continue
        kept[name] = path.read_bytes()
    return kept, left_out


def _name_of(given: str) -> RelPath | None:
    try:
        return confine(given)
    except BadPath:
        return None


def _ignored(folder: Path) -> GitIgnoreSpec:
    lines = list(ALWAYS_LEFT_OUT)
    rules = folder / ".gitignore"
    if rules.is_file():
        lines += rules.read_text(errors="replace").splitlines()
    return GitIgnoreSpec.from_lines(lines)


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path
