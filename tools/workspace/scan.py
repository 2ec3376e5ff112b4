"""A look at a whole folder, quick because it opens no file: names, sizes, modes and times."""

import os
import stat
from collections.abc import Container, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tools.workspace.ignored import GENERATED, MAX_RULES_BYTES, RULES_FILE, Rules
from tools.workspace.links import leads_to
from tools.workspace.open_folder import is_executable, target_of
from tools.workspace.paths import RESERVED, ROOT, TEMPORARY_PREFIX, composed, is_nameable
from tools.workspace.port import FileMode, RelPath

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True)
class Stamp:
    """By what a file or link shows that it was changed, without reading it."""

    size_bytes: int
    mtime_ns: int
    inode: int
    mode: FileMode = "regular"

    @classmethod
    def of(cls, status: os.stat_result) -> "Stamp":
        """That of a file whose status was asked for."""
        mode = "executable" if is_executable(status) else "regular"
        if stat.S_ISLNK(status.st_mode):
            mode = "symlink"
        return cls(status.st_size, status.st_mtime_ns, status.st_ino, mode)


@dataclass
class Found:
    """What a scan has found of a project: links that stay inside are among the files."""

    files: dict[RelPath, Stamp] = field(default_factory=dict[RelPath, Stamp])
    folders: set[RelPath] = field(default_factory=set[RelPath])
    leading_out: dict[RelPath, str] = field(default_factory=dict[RelPath, str])
    """By their paths, the targets of links that no project can keep."""
    unnameable: list[RelPath] = field(default_factory=list[RelPath])
    """What has a name that no path may have, such as one that is not UTF-8."""


def scan(root: Path, known: Container[RelPath]) -> Found:
    """The files, folders and links below `root` that belong to a project.

    What is `known` belongs to it whatever the rules say; but a folder that is ignored is not
    looked into: ask for known files in it with `stamp`.
    """
    found = Found()
    descriptor = os.open(root, _FOLDER)
    try:
        _scan(descriptor, ROOT, Rules(), known, found)
    finally:
        os.close(descriptor)
    return found


def stamp(root: Path, path: RelPath) -> Stamp | None:
    """That of one file or link; None where none stands."""
    status = _status(root, path)
    if status is not None and (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)):
        return Stamp.of(status)
    return None


def is_folder(root: Path, path: RelPath) -> bool:
    """Whether a folder stands there, and no link on the way."""
    status = _status(root, path)
    return status is not None and stat.S_ISDIR(status.st_mode)


def _status(root: Path, path: RelPath) -> os.stat_result | None:
    with suppress(OSError), _opened(root, path) as (folder, name):
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    return None


def _scan(
    descriptor: int, path: RelPath, rules: Rules, known: Container[RelPath], found: Found
) -> None:
    with os.scandir(descriptor) as items:
        entries = list(items)
    if any(item.name == RULES_FILE for item in entries):
        text = _rules(descriptor)
        rules = rules if text is None else rules.within(path, text)
    for item in entries:
        name = composed(item.name)
        child = RelPath(f"{path}/{name}" if path else name)
        with suppress(FileNotFoundError, PermissionError):  # deleted, or closed to us
            if item.is_file(follow_symlinks=False):
                if child in known or not rules.ignores(child, is_folder=False):
                    found.files[child] = Stamp.of(item.stat(follow_symlinks=False))
            elif item.is_dir(follow_symlinks=False) and not rules.ignores(child, is_folder=True):
                found.folders.add(child)
                _enter(descriptor, item.name, child, rules, known, found)
            elif item.is_symlink() and (child in known or not _is_ignored_link(child, rules)):
                _look_at_link(descriptor, item, child, found)
        if child not in found.files and child not in found.folders and _is_odd(name):
            found.unnameable.append(child)


def _is_odd(name: str) -> bool:
    is_ours = name in RESERVED or name.startswith(TEMPORARY_PREFIX)
    return not is_ours and not is_nameable(name)


def _is_ignored_link(path: RelPath, rules: Rules) -> bool:
    """To git a link is no folder, but `node_modules` stays here as a link, too."""
    return rules.ignores(path, is_folder=False) or GENERATED.match_file(f"{path}/")


def _look_at_link(folder: int, item: os.DirEntry[str], path: RelPath, found: Found) -> None:
    target = target_of(folder, item.name)
    if target is not None and leads_to(path, target) is not None:
        found.files[path] = Stamp.of(item.stat(follow_symlinks=False))
    else:
        found.leading_out[path] = "" if target is None else target


def _enter(  # noqa: PLR0913, PLR0917 - a step of the walk above
    parent: int,
    name: str,
    path: RelPath,
    rules: Rules,
    known: Container[RelPath],
    found: Found,
) -> None:
    with suppress(NotADirectoryError):  # swapped since
        descriptor = os.open(name, _FOLDER, dir_fd=parent)
        try:
            _scan(descriptor, path, rules, known, found)
        finally:
            os.close(descriptor)


def _rules(folder: int) -> str | None:
    with suppress(OSError):
        file = os.open(RULES_FILE, _READ, dir_fd=folder)
        try:
            return os.read(file, MAX_RULES_BYTES).decode(errors="replace")
        finally:
            os.close(file)
    return None


@contextmanager
def _opened(root: Path, path: RelPath) -> Generator[tuple[int, str]]:
    """The folder of a path, reached through no link, and the name in it."""
    *folders, name = path.split("/")
    descriptor = os.open(root, _FOLDER)
    try:
        for folder in folders:
            below = os.open(folder, _FOLDER, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
        yield descriptor, name
    finally:
        os.close(descriptor)
