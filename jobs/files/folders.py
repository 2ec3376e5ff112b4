"""The folders of projects on this worker's disk: which process holds them, and which there are."""

import asyncio
import fcntl
import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from core.ids import OwnerId, ProjectId
from jobs.files.folder import ProjectFolder
from jobs.files.removal import remove, set_aside
from store.gateway import Store


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
            await discard(self.root / name_of(project_id))

    async def evict(self, path: Path) -> bool:
        """Remove a folder of this root for its room; False when it is in use."""
        for folder in self._open.values():
            if folder.path.parent == path:
                return await folder.evict()
        await discard(path)
        return True

    def folder(self, project_id: ProjectId, *, owner: OwnerId) -> ProjectFolder:
        """The one folder of this project."""
        if project_id not in self._open:
            path = self.root / name_of(project_id)
            self._open[project_id] = ProjectFolder(self._store, project_id, owner, path)
        return self._open[project_id]


async def discard(folder: Path) -> None:
    """Remove a folder of which nobody has an object."""
    aside = set_aside(folder)
    if aside is not None:
        await asyncio.to_thread(remove, aside)


def name_of(project_id: ProjectId) -> str:
    """What the folder of a project is called: whatever letters its id has."""
    return hashlib.sha256(project_id.encode()).hexdigest()[:32]
