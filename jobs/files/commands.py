"""What commands change in a project's folder, past the tools that say what they write.

A command has its effect when its changes and its result are in the store, in one mutation, or not
at all: what one has left that was cancelled, or died with its process, the next pull takes back. A
note beside the folder outlives the process.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from jobs.files.index import FolderIndex, Known
from tools.text import sha256_of
from tools.workspace.disk import DiskWorkspace
from tools.workspace.edits import Deleted, Edit, MadeFolder, Renamed, Written
from tools.workspace.open_folder import TICK_NS
from tools.workspace.paths import ancestors_of
from tools.workspace.port import MAX_FILE_BYTES, FileMode, NoSuchFile, NotAFile, RelPath
from tools.workspace.scan import Found, Stamp, is_folder, scan, stamp


@dataclass(frozen=True)
class Changes:
    """How a folder differs from the store.

    `edits` make the store the same: what is gone first, topmost, then what is new or different.
    `too_large` are files that no project can keep. So are `unnameable`, for their names, and links
    that are `leading_out`, here by their paths: as far as these two were not told before.
    """

    edits: tuple[Edit, ...]
    too_large: tuple[RelPath, ...] = ()
    leading_out: Mapping[RelPath, str] = field(default_factory=dict[RelPath, str])
    unnameable: tuple[RelPath, ...] = ()


class Commands:
    """The commands that run in one folder."""

    def __init__(self, root: Path, index: FolderIndex, note: Path) -> None:
        self._root = root
        self._disk = DiskWorkspace(root)
        self._index = index
        self._note = note
        self._running: dict[str, dict[RelPath, Stamp]] = {}
        """By command, what its changed files showed when they were read."""
        self._told: set[RelPath] = set()
        """What no project can keep and was told already."""

    @property
    def are_running(self) -> bool:
        """Whether a command may be changing files now."""
        return bool(self._running)

    @property
    def are_lost(self) -> bool:
        """Whether the folder may have changes of commands that nobody will keep."""
        return not self._running and self._note.exists()

    def run_beside(self, prefix: str) -> bool:
        """Whether commands run whose names begin in another way."""
        return any(not name.startswith(prefix) for name in self._running)

    def begin(self, command: str) -> None:
        """It may change files from now on."""
        self._note.touch()
        self._running[command] = {}

    def lose(self, command: str) -> None:
        """It has ended, and its changes are not kept."""
        self._running.pop(command, None)

    def forget_lost(self) -> None:
        """The folder is as the store has it."""
        if not self._running:
            self._note.unlink(missing_ok=True)

    async def changes(self, command: str) -> Changes:
        """What the commands here have changed that the store does not have."""
        look = await asyncio.to_thread(self._look)
        known, gone, made, different = look.known, look.gone, look.made, look.different
        edits: list[Edit] = [Deleted(path) for path in gone]
        edits += [MadeFolder(path) for path in made]
        too_large: list[RelPath] = []
        for path, now in different.items():
            if now.size_bytes > MAX_FILE_BYTES:
                too_large.append(path)
                continue
            try:
                data = await self._read(path, now)
            except (NoSuchFile, NotAFile):  # a program that still runs has removed or replaced it
                continue
            sha256, was = sha256_of(data), known.get(path)
            if was is not None and sha256 == was.sha256 and now.mode == was.stamp.mode:  # touched
                note = [(path, Known(sha256, _settled(now)))]
                await asyncio.to_thread(self._index.note, note)
                continue
            self._running[command][path] = now
            base = "" if was is None else was.sha256
            edits.append(Written(path, data, base, _mode_to_say(was, now)))
        told, self._told = self._told, {*look.leading_out, *look.unnameable}
        links = {path: target for path, target in look.leading_out.items() if path not in told}
        odd = tuple(path for path in look.unnameable if path not in told)
        return Changes(tuple(edits), tuple(too_large), links, odd)

    async def _read(self, path: RelPath, seen: Stamp) -> bytes:
        return await (self._disk.target if seen.mode == "symlink" else self._disk.read)(path)

    def keep(self, command: str, edits: Sequence[Edit]) -> None:
        """The store has these changes now; what was changed since is found the next time."""
        stamps = self._running.pop(command, {})
        for edit in edits:
            match edit:
                case Deleted():
                    self._index.forget(edit.path)
                case Written():
                    seen = _settled(stamps[edit.path])
                    self._index.note([(edit.path, Known(sha256_of(edit.data), seen))])
                case Renamed():
                    self._index.move(edit.path, edit.new_path)
                case MadeFolder():
                    self._index.note_folders([edit.path])
        self.forget_lost()

    def _look(self) -> "_Look":
        known = self._index.all()
        found = scan(self._root, known)
        files = dict(found.files)
        for path, entry in known.items():
            if not entry.is_folder and path not in files:  # gone, or in an ignored folder
                now = stamp(self._root, path)
                if now is not None:
                    files[path] = now
        gone = [
            path
            for path, entry in known.items()
            if not (self._has_folder(path, found) if entry.is_folder else path in files)
        ]
        different = {
            path: now
            for path, now in sorted(files.items())
            if path not in known or known[path].stamp != now
        }
        full = {folder for path in (*files, *found.folders) for folder in ancestors_of(path)}
        kept = {path for path, entry in known.items() if entry.is_folder}
        made = sorted(found.folders - kept - full)
        return _Look(known, _topmost(gone), made, different, found.leading_out, found.unnameable)

    def _has_folder(self, path: RelPath, found: Found) -> bool:
        return path in found.folders or is_folder(self._root, path)


@dataclass(frozen=True)
class _Look:
    """What the store has, and how the folder differs.

    What is gone; empty folders that are new; files that are new or show that they were changed;
    links that lead out; names that no path may have.
    """

    known: dict[RelPath, Known]
    gone: list[RelPath]
    made: list[RelPath]
    different: dict[RelPath, Stamp]
    leading_out: dict[RelPath, str]
    unnameable: list[RelPath]


def _mode_to_say(was: Known | None, now: Stamp) -> FileMode | None:
    """None where a file is what it was, or a new one is a regular one."""
    old = "regular" if was is None or was.is_folder else was.stamp.mode
    return None if now.mode == old != "symlink" else now.mode


def _topmost(paths: Sequence[RelPath]) -> list[RelPath]:
    """Those that are in no other."""
    all_of_them = set(paths)
    return sorted(path for path in paths if not all_of_them.intersection(ancestors_of(path)))


def _settled(seen: Stamp) -> Stamp:
    """A stamp that a later change is sure to differ from."""
    is_new = seen.mtime_ns > time.time_ns() - TICK_NS
    return replace(seen, mtime_ns=0) if is_new else seen
