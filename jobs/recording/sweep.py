"""Recordings go with the projects whose answers they are of."""

import asyncio
import logging
import os
from collections.abc import Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from core.clock import Clock
from core.ids import ProjectId
from jobs.recording.tape import SUFFIX
from jobs.sweeping import sweep_every
from store.gateway import Store

log = logging.getLogger(__name__)

EVERY_S = 60.0  # how long the recordings of a deleted project may stay
LINES = 50  # among which `begun` is, which names the project
LINE_BYTES = 1024 * 1024
OVER_S = 600.0


class _Look(BaseModel):
    """What is looked at of a line."""

    line: str
    event: Mapping[str, Any] = {}


_LOOK = TypeAdapter(_Look)


class RecordingSweeper:
    """Removes the recordings of projects that are gone from the folder of this worker."""

    def __init__(
        self, store: Store, folder: Path, clock: Clock, *, every_s: float = EVERY_S
    ) -> None:
        self._store = store
        self._folder = folder
        self._clock = clock
        self._every_s = every_s
        self._projects: dict[Path, ProjectId] = {}

    async def run(self) -> None:
        """Sweep again and again until cancelled."""
        await sweep_every(self._every_s, self.sweep)

    async def sweep(self) -> int:
        """Remove what is gone; how many there were. Raises: StoreUnavailable."""
        self._projects = await asyncio.to_thread(self._look)
        there = await self._store.projects.existing(sorted(set(self._projects.values())))
        gone = [path for path, project in self._projects.items() if project not in there]
        await asyncio.to_thread(_remove, gone)
        if gone:
            log.info("recordings_removed", extra={"gone": len(gone)})
        return len(gone)

    def _look(self) -> dict[Path, ProjectId]:
        """The recordings and their projects; what is no recording is left alone."""
        found: dict[Path, ProjectId] = {}
        over_at = self._clock.now().timestamp() - OVER_S
        for path in self._folder.glob(f"*{SUFFIX}"):
            project = self._projects.get(path) or _project_of(path, over_at)
            if project is not None:
                found[path] = project
        return found


def _remove(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _project_of(path: Path, over_at: float) -> ProjectId | None:
    """As its `begun` says, which a few steps may precede.

    "" where there is none and nothing is written any more: its beginning was removed with its
    project while the run went on. None: it is no recording, or has hardly begun.
    """
    try:
        with path.open("rb") as file:
            lines = islice(iter(partial(file.readline, LINE_BYTES), b""), LINES)
            for look in (_LOOK.validate_json(line) for line in lines if line.strip()):
                if look.line == "begun":
                    return ProjectId(str(look.event.get("data", {}).get("projectId", "")))
            about = os.fstat(file.fileno())
    except (OSError, ValidationError):  # the end of a long line, too, which stands behind `begun`
        return None
    return ProjectId("") if about.st_size > 0 and about.st_mtime < over_at else None
