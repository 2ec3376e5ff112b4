"""A project's files on this worker's disk: a cache that follows the store."""

import asyncio
import json
import logging
import os
import sqlite3
from collections.abc import AsyncIterator, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from core.ahead import read_ahead
from core.errors import NotFound, Refused
from core.ids import OwnerId, ProjectId
from jobs.files.commands import Changes, Commands
from jobs.files.index import FolderIndex, Known
from jobs.files.placing import is_inside, nameable, wanted_of
from jobs.files.removal import remove, remove_unfinished, set_aside
from store.gateway import Store
from store.records import (
    DeletedFile,
    FileContent,
    FileEdit,
    FileEntry,
    NewFolder,
    NewMode,
    RenamedFile,
    WrittenFile,
)
from tools.workspace.disk import DiskWorkspace, Mirrored
from tools.workspace.paths import confine
from tools.workspace.port import (
    IsAFolder,
    NoSuchFile,
    NotAFile,
    NotAFolder,
    RelPath,
    Workspace,
)
from tools.workspace.scan import scan, stamp

log = logging.getLogger(__name__)

NOTE = "version.json"  # which project it is, and up to which version its folder follows the store
READ_BATCH = 50  # files fetched at once while pulling: bounds the memory of a pull


class ProjectFolder:
    """The files of one project; several runs of this process share it.

    The store has the truth (docs/decisions/0003): `pull` makes the disk follow it, `apply` repeats
    on the disk what was committed there before. Losing the folder costs a download. What commands
    change in it counts once it is committed; see `jobs.files.commands`.
    """

    def __init__(self, store: Store, project_id: ProjectId, owner: OwnerId, folder: Path) -> None:
        self._store = store
        self._project_id = project_id
        self.owner = owner
        self._folder = folder
        self.path = folder / "files"
        """Where the files are."""
        self._state = folder / NOTE
        self._lock = asyncio.Lock()
        self._version: int | None = None
        self._disk = DiskWorkspace(self.path)
        self._index = FolderIndex(folder / "index.db")
        self._commands = Commands(self.path, self._index, folder / "commands-run")
        self._writing = folder / "being-written"
        self._users = 0

    @property
    def workspace(self) -> Workspace:
        """The files as they were at the last pull."""
        return self._disk

    @contextmanager
    def in_use(self) -> Generator[None]:
        """While the block runs, the folder is not evicted."""
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1

    async def pull(self, newest: int | None = None) -> None:
        """Make the disk follow the store, which is not asked where it has just told its version.

        Raises:
            NotFound: the project is gone.
            StoreUnavailable: Convex does not answer.
            DiskFull: there is no room for the files.
        """
        async with self._lock:
            try:
                try:
                    await self._pull(newest)
                except sqlite3.DatabaseError:
                    log.exception("folder_index_lost")
                    self._version = 0
                    await self._pull(None)
            except NotFound:
                await self._vanish()
                raise

    async def vanish(self) -> None:
        """Remove the folder with all that is in it: its project is gone."""
        async with self._lock:
            await self._vanish()

    async def evict(self) -> bool:
        """Remove the folder for its room; False when it is in use, or a command may change it."""
        if self._users or self._lock.locked() or self._commands.are_running:
            return False
        await self._vanish()  # out of the way before anybody else has a turn
        return True

    async def apply(self, edits: Sequence[FileEdit]) -> None:
        """Do on the disk what the store has accepted. What fails here, the next pull mends."""
        async with self._lock:
            try:
                with self._marked():
                    for edit in edits:
                        await self._apply(edit)
            except (Refused, sqlite3.DatabaseError):
                log.warning("disk_behind_store", exc_info=True)
                self._version = 0  # compare everything at the next pull

    def commands_run_beside(self, prefix: str) -> bool:
        """Whether commands run here whose names begin in another way."""
        return self._commands.run_beside(prefix)

    async def command_begins(self, command: str) -> None:
        """A command of that name is about to change files on the disk."""
        async with self._lock:
            await asyncio.to_thread(self._commands.begin, command)

    def command_lost(self, command: str) -> None:
        """Its changes are not to be kept: the next pull without another command takes them back."""
        self._commands.lose(command)

    async def command_changes(self, command: str) -> Changes:
        """How the disk differs from the store when the command has ended."""
        async with self._lock:
            return await self._commands.changes(command)

    async def command_kept(self, command: str, changes: Changes) -> None:
        """The store has accepted these changes, which are on the disk already."""
        async with self._lock:
            await asyncio.to_thread(self._commands.keep, command, changes.edits)

    async def stored(self, paths: Sequence[str]) -> dict[str, bytes]:
        """What the store has at these paths, as far as it has files there."""
        found: dict[str, bytes] = {}
        async for contents in self._batches(paths):
            for content in contents:
                found[content.entry.path] = content.data
        return found

    async def _batches(self, paths: Sequence[str]) -> AsyncIterator[Sequence[FileContent]]:
        read_many = self._store.files.read_many
        for at in range(0, len(paths), READ_BATCH):
            some = paths[at : at + READ_BATCH]
            yield await read_many(self._project_id, some, owner=self.owner)

    async def _pull(self, newest: int | None) -> None:
        if self._version is None or not self.path.is_dir():
            self._version = await asyncio.to_thread(self._load_version)
        os.utime(self._folder)  # when it was last used
        is_unknown = await asyncio.to_thread(self._is_unknown)
        if is_unknown:
            self._version = 0
        elif self._version == newest:
            return
        version = self._version
        while True:
            changes = await self._store.files.changes(
                self._project_id, owner=self.owner, since=version
            )
            if changes.is_full or (version == 0 and any(self.path.iterdir())):
                with self._marked():
                    await self._start_over()
            elif changes.deleted or changes.changed:
                with self._marked():
                    await self._remove(changes.deleted)
                    await self._fetch(changes.changed)
            version = changes.version
            if not changes.has_more:
                break
        if version != self._version:
            await asyncio.to_thread(self._save_version, version)
            self._version = version
        if is_unknown:
            await asyncio.to_thread(self._index.mark_whole)
            await asyncio.to_thread(self._commands.forget_lost)

    def _is_unknown(self) -> bool:
        """Whether what stands on the disk is not known, or not in the store."""
        return self._commands.are_lost or not self._index.is_whole()

    @contextmanager
    def _marked(self) -> Generator[None]:
        """A note that the process may die with a file half written."""
        self._writing.touch()
        try:
            yield
        finally:
            self._writing.unlink(missing_ok=True)

    async def _vanish(self) -> None:
        self._version = None
        aside = set_aside(self._folder)
        if aside is not None:
            await asyncio.to_thread(remove, aside)

    async def _apply(self, edit: FileEdit) -> None:
        match edit:
            case WrittenFile():
                path = confine(edit.path)
                await self._note([(path, await self._write(path, edit.data, edit.mode))])
            case DeletedFile():
                await self._delete(confine(edit.path))
            case RenamedFile():
                source, target = confine(edit.path), confine(edit.new_path)
                await self._disk.rename(source, target)
                await asyncio.to_thread(self._index.move, source, target)
            case NewFolder():
                await self._make_folders([confine(edit.path)])

    async def _start_over(self) -> None:
        """The history does not go back far enough, or the disk may differ: compare everything."""
        entries = [
            entry async for entry in self._store.files.walk(self._project_id, owner=self.owner)
        ]
        named = {path for entry in entries if (path := nameable(entry.path)) is not None}
        if not any(self.path.iterdir()):
            await asyncio.to_thread(self._index.forget_others, ())
            await self._fill(entries)
            return
        found = await asyncio.to_thread(scan, self.path, named)
        strays = {path for path in (*found.files, *found.folders) if path not in named}
        if not self._commands.are_running:  # one that runs may just have made them
            await self._remove(sorted(strays))
        # A process may have died between the push of a deletion and its note.
        await asyncio.to_thread(self._index.forget_others, named)
        await self._fetch(entries)

    async def _remove(self, paths: Sequence[str]) -> None:
        for path in sorted(paths, key=len, reverse=True):
            if (gone := nameable(path)) is not None:
                await self._delete(gone)

    async def _fill(self, entries: Sequence[FileEntry]) -> None:
        """As `_fetch`, where nothing stands yet: no file has to be looked at before."""
        wanted = wanted_of(entries)
        await self._make_folders([it for it in wanted if wanted[it].kind == "folder"])
        await self._bring([entry.path for entry in wanted.values() if entry.kind == "file"])

    async def _fetch(self, entries: Sequence[FileEntry]) -> None:
        wanted = wanted_of(entries)
        folders = [path for path, entry in wanted.items() if entry.kind == "folder"]
        await self._make_folders(folders)
        for path in folders:
            del wanted[path]
        same = await asyncio.to_thread(self._as_noted, wanted)
        await self._bring(
            [
                entry.path
                for path, entry in wanted.items()
                if path not in same and await self._differs(path, entry)
            ]
        )

    async def _bring(self, paths: Sequence[str]) -> None:
        """Write files as the store has them; while some are written, the next ones are read."""
        async with read_ahead(self._batches(paths)) as found:
            async for contents in found:
                files: list[Mirrored] = [
                    (path, content.data, content.entry.mode or "regular")
                    for content in contents
                    if (path := confine(content.entry.path)) and is_inside(path, content)
                ]
                written = await self._disk.mirror_all(files)
                await self._note(
                    [(file[0], Known(*it)) for file, it in zip(files, written, strict=True)]
                )

    def _as_noted(self, wanted: Mapping[RelPath, FileEntry]) -> set[RelPath]:
        """Those that show no change since they were as the store has them."""
        index = self._index.all()
        return {
            path
            for path, entry in wanted.items()
            if (known := index.get(path)) is not None
            and known.sha256 == entry.sha256
            and known.stamp.mode == (entry.mode or "regular")
            and known.stamp == stamp(self.path, path)
        }

    async def _differs(self, path: RelPath, entry: FileEntry) -> bool:
        now = await asyncio.to_thread(stamp, self.path, path)
        sha256 = await self._hash_of_file(path)
        if now is None or sha256 != entry.sha256 or now.mode != (entry.mode or "regular"):
            return True
        await self._note([(path, Known(sha256, now))])
        return False

    async def _hash_of_file(self, path: RelPath) -> str:
        """The hash of what stands there; "" for nothing: what is in the way is removed."""
        try:
            return await self._disk.sha256(path)
        except NoSuchFile:
            pass
        except IsAFolder:  # a file took the place of a folder
            await self._delete(path)
        except NotAFolder as blocked:  # a folder took the place of a file
            await self._delete(blocked.file)
        except NotAFile as blocked:  # a command has left a link or a pipe there
            await self._delete(blocked.blocked)
        return ""

    async def _write(self, path: RelPath, data: bytes, mode: NewMode | None) -> Known:
        return Known(*await self._disk.mirror(path, data, mode=mode))

    async def _note(self, known: Sequence[tuple[RelPath, Known]]) -> None:
        if known:
            await asyncio.to_thread(self._index.note, known)

    async def _make_folders(self, paths: Sequence[RelPath]) -> None:
        for path in paths:
            await self._make_folder(path)
        if paths:
            await asyncio.to_thread(self._index.note_folders, paths)

    async def _make_folder(self, path: RelPath) -> None:
        try:
            await self._disk.mirror_folder(path)
        except (NotAFolder, NotAFile) as blocked:  # a folder took the place of a file or link
            await self._delete(blocked.file if isinstance(blocked, NotAFolder) else blocked.blocked)
            await self._disk.mirror_folder(path)

    async def _delete(self, path: RelPath) -> None:
        await asyncio.to_thread(self._index.forget, path)
        # A link on the way: what was there is gone, and what the link leads to is none of it.
        with suppress(NoSuchFile, NotAFolder, NotAFile):
            await self._disk.delete(path)

    def _load_version(self) -> int:
        self.path.mkdir(parents=True, exist_ok=True)
        if self._writing.exists():
            remove_unfinished(self.path)
        try:
            return int(json.loads(self._state.read_text())["version"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return 0  # never pulled, or the note was lost: ask for everything

    def _save_version(self, version: int) -> None:
        temporary = self._state.with_suffix(".new")
        temporary.write_text(json.dumps({"version": version, "project": self._project_id}))
        temporary.replace(self._state)
