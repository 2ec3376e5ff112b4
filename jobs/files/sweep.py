"""Folders of projects that are gone leave the disk of the workers."""

import asyncio
import json
import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.ids import ProjectId
from jobs.files.folder import NOTE
from jobs.files.folders import ProjectFolders, holding, name_of
from store.errors import StoreFault, StoreUnavailable
from store.gateway import Store

log = logging.getLogger(__name__)

EVERY_S = 60.0


@dataclass(frozen=True)
class _Copy:
    """A project's folder on this disk; None where its note is missing: it was never whole."""

    path: Path
    project_id: ProjectId | None


class FolderSweeper:
    """Asks the store which projects there are, and removes the folders of the others.

    A worker sweeps its own folder and those beside it that no process holds: what a worker that is
    gone has left. A folder that is removed by mistake costs a download.
    """

    def __init__(self, store: Store, folders: ProjectFolders, *, every_s: float = EVERY_S) -> None:
        self._store = store
        self._folders = folders
        self._every_s = every_s

    async def run(self) -> None:
        """Sweep again and again until cancelled."""
        while True:
            try:
                await self.sweep()
            except (StoreUnavailable, StoreFault, OSError):  # the disk may have a fault of its own
                log.exception("sweep_postponed")
            await asyncio.sleep(self._every_s)

    async def sweep(self) -> int:
        """Remove what is gone; how many folders there were. Raises: StoreUnavailable."""
        own = self._folders.root
        removed = await self._sweep(own)
        for beside in await asyncio.to_thread(_folders_in, own.parent):
            if beside != own:
                with holding(beside) as is_held:
                    removed += await self._sweep(beside) if is_held else 0
        return removed

    async def _sweep(self, root: Path) -> int:
        is_own = root == self._folders.root
        known = {name_of(project_id): project_id for project_id in self._folders.opened}
        copies = await asyncio.to_thread(_copies_in, root)
        if is_own:  # one that is open may not have its note yet
            copies = [_Copy(it.path, known.get(it.path.name, it.project_id)) for it in copies]
        there = await self._store.projects.existing(
            [copy.project_id for copy in copies if copy.project_id is not None]
        )
        gone = [copy for copy in copies if copy.project_id not in there]
        for copy in gone:
            if is_own and copy.project_id is not None:
                await self._folders.remove(copy.project_id)
            elif not is_own or copy.path.name not in map(name_of, self._folders.opened):
                await asyncio.to_thread(shutil.rmtree, copy.path, ignore_errors=True)
        if gone:
            log.info("folders_removed", extra={"count": len(gone)})
        return len(gone)


def _folders_in(path: Path) -> Sequence[Path]:
    return [entry for entry in path.iterdir() if entry.is_dir() and not entry.is_symlink()]


def _copies_in(root: Path) -> list[_Copy]:
    return [_Copy(folder, _noted(folder)) for folder in _folders_in(root)]


def _noted(folder: Path) -> ProjectId | None:
    try:
        return ProjectId(str(json.loads((folder / NOTE).read_text())["project"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
