"""What has changed on the disk since a server was last told, by a look at sizes and times."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from tools.lsp.servers import Server
from tools.text import sha256_of
from tools.workspace.ignored import GENERATED
from tools.workspace.open_folder import TICK_NS
from tools.workspace.paths import RESERVED, is_nameable
from tools.workspace.port import RelPath
from tools.workspace.scan import Stamp

MAX_WATCHED = 50_000  # files; what is beyond is not seen to change

MAX_SETTINGS = 500  # files that define projects; what is said of more is watched as any file is
MAX_SETTINGS_BYTES = 256 * 1024

INSTALLED = ("node_modules", ".venv")
"""Folders of packages. When one changes, the server is started anew: what it has read of them
before is not right any more, nor what it has not found."""

_MARKS = (".package-lock.json", ".yarn-state.yml", ".yarn-integrity", ".modules.yaml", "pyvenv.cfg")


@dataclass(frozen=True)
class Look:
    """The files that matter to a server, and by what packages show that they were installed."""

    files: Mapping[RelPath, Stamp] = field(default_factory=dict[RelPath, Stamp])
    installed: Mapping[str, int] = field(default_factory=dict[str, int])
    settings: Mapping[RelPath, str] = field(default_factory=dict[RelPath, str])
    """The hash of each file that defines a project: a time says too little of one just written."""
    settled_before_ns: int = 0
    """A file with a later time may be changed again without another size or time."""

    def settled(self, path: RelPath) -> Stamp | None:
        """What a file shows that will show something else when it changes; None: it may not."""
        stamp = self.files.get(path)
        return None if stamp is None or stamp.mtime_ns > self.settled_before_ns else stamp

    def sources(self, server: Server) -> Iterator[RelPath]:
        """The files in its languages."""
        for path in self.files:
            if os.path.splitext(path)[1].lower() in server.languages:  # noqa: PTH122 - of thousands
                yield path


@dataclass(frozen=True)
class DiskChanges:
    """What is different; a file that was only touched may be among the changed ones."""

    created: Sequence[RelPath]
    changed: Sequence[RelPath]
    deleted: Sequence[RelPath]


def look(root: Path, server: Server) -> Look:
    """Look at the files below `root`, through no link. Blocks: about 10 µs a file."""
    wanted = {*server.languages, *(each for each in server.watched if each.startswith("."))}
    names = {*server.watched, *server.root_markers}
    files: dict[RelPath, Stamp] = {}
    installed: dict[str, int] = {}
    settings: dict[RelPath, str] = {}
    pending = [""]
    settled_before = time.time_ns() - TICK_NS
    while pending and len(files) < MAX_WATCHED:
        folder = pending.pop()
        with suppress(OSError), os.scandir(root / folder) as entries:
            for entry in entries:
                path = f"{folder}/{entry.name}" if folder else entry.name
                if entry.is_dir(follow_symlinks=False):
                    if entry.name in INSTALLED:
                        installed |= _marks(root / path, path)
                    elif not _is_left_out(entry.name):
                        pending.append(path)
                    continue
                suffix = os.path.splitext(entry.name)[1].lower()  # noqa: PTH122 - of thousands
                if not (suffix in wanted or entry.name in names) or not _is_nameable(entry.name):
                    continue
                if entry.is_file(follow_symlinks=False):
                    stamp = files[RelPath(path)] = Stamp.of(entry.stat(follow_symlinks=False))
                    if suffix in server.languages or len(settings) >= MAX_SETTINGS:
                        continue
                    if server.defines_a_project(entry.name):
                        settings[RelPath(path)] = _hash(root / path, stamp)
    return Look(files, installed, settings, settled_before)


def differences(before: Look, after: Look) -> DiskChanges:
    """What happened between two looks."""
    old, new = before.files, after.files
    return DiskChanges(
        created=[path for path in new if path not in old],
        changed=[
            path
            for path, stamp in new.items()
            if path in old and (old[path] != stamp or stamp.mtime_ns > before.settled_before_ns)
        ],
        deleted=[path for path in old if path not in new],
    )


@lru_cache(maxsize=1_000)
def _is_left_out(name: str) -> bool:
    return name in RESERVED or GENERATED.match_file(f"{name}/")


_is_nameable = lru_cache(maxsize=MAX_WATCHED)(is_nameable)  # the same names come at every look


def _hash(file: Path, stamp: Stamp) -> str:
    if stamp.size_bytes > MAX_SETTINGS_BYTES:
        return str(stamp)
    with suppress(OSError):
        return sha256_of(file.read_bytes())
    return ""


def _marks(folder: Path, path: str) -> dict[str, int]:
    """Times that change when packages come and go."""
    marks: dict[str, int] = {}
    site = list(folder.glob("lib/python3*/site-packages"))
    for each in (folder, *(folder / mark for mark in _MARKS), *site):
        with suppress(OSError):
            marks[f"{path}/{each.relative_to(folder)}"] = each.stat().st_mtime_ns
    return marks
