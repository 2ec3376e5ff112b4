"""What is kept of repositories on a worker's disk goes with those whose it is."""

import asyncio
import logging
import shutil
from contextlib import suppress
from pathlib import Path

from core.ids import ProjectId
from jobs.github.work import PROJECT, GithubWork
from jobs.sweeping import sweep_every
from store.gateway import Store

log = logging.getLogger(__name__)

EVERY_S = 60.0  # how long the histories of somebody who has left may stay


class RepositorySweeper:
    """Removes the histories of people who have no project any more.

    And the repositories of transfers whose project is gone: one that was cancelled between two
    steps has left its own.
    """

    def __init__(self, store: Store, work: GithubWork, *, every_s: float = EVERY_S) -> None:
        self._store = store
        self._work = work
        self._every_s = every_s

    async def run(self) -> None:
        """Sweep again and again until cancelled."""
        await sweep_every(self._every_s, self.sweep)

    async def sweep(self) -> int:
        """Remove what is nobody's; how many there were. Raises: StoreUnavailable."""
        gone = await self._sweep_histories() + await self._sweep_repositories()
        if gone:
            log.info("repositories_removed", extra={"gone": gone})
        return gone

    async def _sweep_histories(self) -> int:
        owners = await self._work.histories.owners()
        here = await self._store.projects.owners_of_any(
            sorted({owner for owner in owners.values() if owner is not None})
        )
        gone = [path for path, owner in owners.items() if owner not in here]
        await self._work.histories.remove(gone)
        return len(gone)

    async def _sweep_repositories(self) -> int:
        projects = await asyncio.to_thread(_projects_in, self._work.folder)
        here = await self._store.projects.existing(sorted(set(projects.values())))
        gone = [path for path, project_id in projects.items() if project_id not in here]
        for path in gone:
            await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)
        return len(gone)


def _projects_in(folder: Path) -> dict[Path, ProjectId]:
    """The repositories of transfers, as far as they say of which project they are."""
    found: dict[Path, ProjectId] = {}
    for path in folder.glob("*.git"):
        with suppress(OSError):  # it has just gone, or is being made
            found[path] = ProjectId((path / PROJECT).read_text())
    return found
