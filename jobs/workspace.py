"""A project's files on this worker's disk: a cache that follows the store."""

import asyncio
import fcntl
import hashlib
import json
import logging
import shutil
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from core.errors import NotFound, Refused
from core.ids import OwnerId, ProjectId
from store.gateway import Store
from store.records import (
    DeletedFile,
    FileEdit,
    FileEntry,
    RenamedFile,
    WrittenFile,
)
from tools.disk import DiskWorkspace
from tools.paths import composed, confine
from tools.workspace import BadPath, IsAFolder, NoSuchFile, NotAFolder, RelPath, Workspace

log = logging.getLogger(__name__)

NOTE = "version.json"  # which project it is, and up to which version its folder follows the store
READ_BATCH = 50  # files fetched at once while pulling: bounds the memory of a pull


class ProjectFolder:
    """The files of one project; several runs of this process share it.

    The store has the truth (docs/decisions/0003): `pull` makes the disk follow it, `apply` repeats
    on the disk what was committed there before. Losing the folder costs a download.
    """

    def __init__(self, store: Store, project_id: ProjectId, owner: OwnerId, folder: Path) -> None:
        self._store = store
        self._project_id = project_id
        self._owner = owner
        self._folder = folder
        self._files = folder / "files"
        self._state = folder / NOTE
        self._lock = asyncio.Lock()
        self._version: int | None = None
        self._disk = DiskWorkspace(self._files)

    @property
    def workspace(self) -> Workspace:
        """The files as they were at the last pull."""
        return self._disk

    async def pull(self) -> None:
        """Make the disk follow the store.

        Raises:
            NotFound: the project is gone.
            StoreUnavailable: Convex does not answer.
            DiskFull: there is no room for the files.
        """
        async with self._lock:
            try:
                await self._pull()
            except NotFound:
                await self._vanish()
                raise

    async def vanish(self) -> None:
        """Remove the folder with all that is in it: its project is gone."""
        async with self._lock:
            await self._vanish()

    async def apply(self, edits: tuple[FileEdit, ...]) -> None:
        """Do on the disk what the store has accepted. What fails here, the next pull mends."""
        async with self._lock:
            try:
                for edit in edits:
                    await self._apply(edit)
            except Refused:
                log.warning("disk_behind_store", exc_info=True)
                self._version = 0  # compare everything at the next pull

    async def _pull(self) -> None:
        if self._version is None:
            self._version = await asyncio.to_thread(self._load_version)
        version = self._version
        while True:
            changes = await self._store.files.changes(
                self._project_id, owner=self._owner, since=version
            )
            if changes.is_full:
                await self._start_over()
            else:
                await self._remove(changes.deleted)
                await self._fetch(changes.changed)
            version = changes.version
            if not changes.has_more:
                break
        if version != self._version:
            await asyncio.to_thread(self._save_version, version)
            self._version = version

    async def _vanish(self) -> None:
        self._version = None
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    async def _apply(self, edit: FileEdit) -> None:
        match edit:
            case WrittenFile():
                await self._disk.mirror(confine(edit.path), edit.data)
            case DeletedFile():
                await self._delete(confine(edit.path))
            case RenamedFile():
                await self._disk.rename(confine(edit.path), confine(edit.new_path))

    async def _start_over(self) -> None:
        """The history does not go back far enough: compare everything."""
        entries = [
            entry async for entry in self._store.files.walk(self._project_id, owner=self._owner)
        ]
        named = {_nameable(entry.path) for entry in entries}
        await self._remove([e.path for e in await self._disk.walk() if e.path not in named])
        await self._fetch(entries)

    async def _remove(self, paths: Sequence[str]) -> None:
        for path in sorted(paths, key=len, reverse=True):
            if (gone := _nameable(path)) is not None:
                await self._delete(gone)

    async def _fetch(self, entries: Sequence[FileEntry]) -> None:
        entries = _one_of_each_name(entries)
        stale = [entry for entry in entries if await self._differs(entry)]
        for start in range(0, len(stale), READ_BATCH):
            paths = [entry.path for entry in stale[start : start + READ_BATCH]]
            for content in await self._store.files.read_many(
                self._project_id, paths, owner=self._owner
            ):
                await self._disk.mirror(confine(content.entry.path), content.data)

    async def _differs(self, entry: FileEntry) -> bool:
        path = _nameable(entry.path)
        if path is None:
            return False
        if entry.kind == "folder":
            await self._make_folder(path)
            return False
        try:
            return await self._disk.sha256(path) != entry.sha256
        except NoSuchFile:
            return True
        except IsAFolder:  # a file took the place of a folder
            await self._delete(path)
            return True
        except NotAFolder as blocked:  # a folder took the place of a file
            await self._delete(blocked.file)
            return True

    async def _make_folder(self, path: RelPath) -> None:
        try:
            await self._disk.make_folder(path)
        except NotAFolder as blocked:  # a folder took the place of a file
            await self._delete(blocked.file)
            await self._disk.make_folder(path)

    async def _delete(self, path: RelPath) -> None:
        try:
            await self._disk.delete(path)
        except NoSuchFile:
            return

    def _load_version(self) -> int:
        self._files.mkdir(parents=True, exist_ok=True)
        try:
            return int(json.loads(self._state.read_text())["version"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return 0  # never pulled, or the note was lost: ask for everything

    def _save_version(self, version: int) -> None:
        temporary = self._state.with_suffix(".new")
        temporary.write_text(json.dumps({"version": version, "project": self._project_id}))
        temporary.replace(self._state)


def _one_of_each_name(entries: Sequence[FileEntry]) -> list[FileEntry]:
    """Without those whose name stands there composed as well: on a disk the two are one.

    New names are composed by the store; a project of before that may hold both spellings.
    """
    paths = {entry.path for entry in entries}
    kept: list[FileEntry] = []
    for entry in entries:
        if entry.path != composed(entry.path) and composed(entry.path) in paths:
            log.warning("two_spellings_of_one_name", extra={"path": composed(entry.path)})
        else:
            kept.append(entry)
    return kept


def _nameable(path: str) -> RelPath | None:
    """The path, unless tools may not name it: people may keep such files, agents see none."""
    try:
        return confine(path)
    except BadPath:
        log.warning("path_not_materialised", extra={"path": path})
        return None


@contextmanager
def own_folder(parent: Path) -> Generator[Path]:
    """A folder below `parent` that no other process of this machine holds; `0`, `1`, … by number.

    It is found again after a restart, so its projects need not be fetched anew. The hold ends with
    the block, or with the process.
    """
    for number in count():
        folder = parent / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        with holding(folder) as is_held:
            if is_held:
                yield folder
                return


@contextmanager
def holding(folder: Path) -> Generator[bool]:
    """Hold the folder while the block runs; False when another process holds it."""
    with (folder / "held").open("wb") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


class ProjectFolders:
    """The project folders of this process, below one root.

    They are opened on demand and kept: one is a few hundred bytes in memory.
    """

    def __init__(self, store: Store, root: Path) -> None:
        self.root = root
        self._store = store
        self._open: dict[ProjectId, ProjectFolder] = {}

    @property
    def opened(self) -> tuple[ProjectId, ...]:
        """The projects whose folders are open."""
        return tuple(self._open)

    async def remove(self, project_id: ProjectId) -> None:
        """Remove the folder of a project that is gone, open or not."""
        folder = self._open.pop(project_id, None)
        if folder is not None:
            await folder.vanish()
        else:
            path = self.root / name_of(project_id)
            await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)

    def folder(self, project_id: ProjectId, *, owner: OwnerId) -> ProjectFolder:
        """The one folder of this project."""
        if project_id not in self._open:
            path = self.root / name_of(project_id)
            self._open[project_id] = ProjectFolder(self._store, project_id, owner, path)
        return self._open[project_id]


def name_of(project_id: ProjectId) -> str:
    """What the folder of a project is called: whatever letters its id has."""
    return hashlib.sha256(project_id.encode()).hexdigest()[:32]
