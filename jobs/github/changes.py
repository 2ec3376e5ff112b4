"""What has changed in a repository since the last sync: which paths, and what belongs together.

The same two commits always give the same changes in the same order, so a pull that was interrupted
goes on behind the last path that it was through with.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from jobs.github.git import Git, pieces
from jobs.github.tree import Held
from tools.workspace.paths import ancestors_of
from tools.workspace.port import RelPath

Files = Mapping[str, Held]
"""Path in the project → the file of a commit."""

MOST_TOGETHER = 200  # files of a folder that a file takes the place of, in one mutation
MOST_RENAMES = 1_000  # that git compares contents for


@dataclass(frozen=True)
class Change:
    """What the branch has done at a path since the last sync.

    `base` is what was there (with a `source`: what was there, and has moved here) and `theirs` what
    is there now; None for nothing. `cleared`: files of the folder that this file takes the place
    of.
    """

    path: str
    base: Held | None
    theirs: Held | None
    source: str | None = None
    cleared: tuple[Held, ...] = ()


def changes_between(
    base: Files, theirs: Files, *, renames: Mapping[str, str], unheld: Collection[str]
) -> Sequence[Change]:
    """The changes by path, from the first to the last.

    `renames`: new name → old one. `unheld`: what the branch has and a project cannot hold; that
    is not deleted from the project.
    """
    moved = {
        new: old
        for new, old in renames.items()
        if new in theirs and new not in base and old in base and old not in theirs
    }
    sources = set(moved.values())
    gone = [
        path for path in base if path not in theirs and path not in unheld and path not in sources
    ]
    cleared = _cleared(base, theirs, gone)
    with_another = {held.path for files in cleared.values() for held in files}
    found = [Change(path, base[path], None) for path in gone if path not in with_another]
    for path, held in theirs.items():
        source = moved.get(path)
        before = base.get(source or path)
        if source is not None or before is None or _is_changed(before, held):
            found.append(Change(path, before, held, source, tuple(cleared.get(path, ()))))
    return sorted(found, key=lambda change: change.path)


def _cleared(base: Files, theirs: Files, gone: Sequence[str]) -> Mapping[str, Sequence[Held]]:
    """New files that stand where a folder stood → what has gone from that folder."""
    found: defaultdict[str, list[Held]] = defaultdict(list)
    for path in gone:
        for folder in ancestors_of(RelPath(path)):
            if folder in theirs and folder not in base:
                found[folder].append(base[path])
    return {path: files for path, files in found.items() if len(files) <= MOST_TOGETHER}


def _is_changed(before: Held, after: Held) -> bool:
    return (before.entry.sha, before.mode) != (after.entry.sha, after.mode)


async def renames_between(git: Git, base: str, theirs: str, *, folder: str) -> Mapping[str, str]:
    """New name → old one, of files whose content is much the same, as git finds them.

    The names are from the folder on, as git spells them. Raises: GitFailed.
    """
    names = [f"{commit}:{folder}" for commit in (base, theirs)]
    what = ("-r", "-z", f"-l{MOST_RENAMES}", "-M", "--diff-filter=R", "--name-status")
    found: dict[str, str] = {}
    async with git.process("diff-tree", *what, *names) as running:
        parts = [piece async for piece in pieces(running.output)]
        await running.check()
    for at in range(0, len(parts) - 2, 3):  # R and how alike they are, the old name, the new one
        old, new = parts[at + 1], parts[at + 2]
        found[new.decode(errors="replace")] = old.decode(errors="replace")
    return found
