"""Folders of projects that are gone, or that nobody has used for long, leave the disk."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from core.clock import Clock, SystemClock
from core.ids import ProjectId
from jobs.files.folder import NOTE
from jobs.files.folders import ProjectFolders, discard, holding, name_of
from jobs.files.removal import PREFIX, left_behind, remove, size_of
from jobs.sweeping import sweep_every
from store.gateway import Store

log = logging.getLogger(__name__)

EVERY_S = 10.0  # how long the files of a deleted project may stay
DAY_S = 86_400.0


@dataclass(frozen=True)
class Room:
    """What the folders of all workers on one disk may take, and for how long.

    The one that was used least lately goes first, and none that was used within `idle_s`: so that a
    project larger than the room does not lose what it has installed between two messages.
    """

    most_bytes: int = 10 * 1024**3
    most_days: float = 7.0
    idle_s: float = 600.0


@dataclass(frozen=True)
class _Copy:
    """A project's folder on this disk; None where its note is missing: it was never whole."""

    path: Path
    project_id: ProjectId | None


@dataclass(frozen=True)
class _Use:
    """When a folder was last used, and how much it takes."""

    path: Path
    used_at: float
    size_bytes: int


async def _nothing_else() -> None:
    return


def _in_no_use(_: Path) -> bool:
    return False


class FolderSweeper:
    """Removes the folders of projects that are gone, and of those that nobody uses.

    The store says which projects there are. A worker sweeps its own folder and those beside it that
    no process holds: what a worker that is gone has left. What other workers hold counts, and is
    theirs to remove. A folder that is in use stays; one that is removed costs a download, and what
    was only in it: git's history, installed packages, what is built.

    Args:
        is_in_use: whether programs still work on the files at a path, such as a server that was
            started and goes on.
        afterwards: removes what else is kept of projects whose folder is gone.
    """

    def __init__(  # noqa: PLR0913 - most of them only for tests; all by name
        self,
        store: Store,
        folders: ProjectFolders,
        *,
        room: Room | None = None,
        is_in_use: Callable[[Path], bool] = _in_no_use,
        afterwards: Callable[[], Awaitable[object]] = _nothing_else,
        every_s: float = EVERY_S,
        clock: Clock | None = None,
    ) -> None:
        self._store = store
        self._folders = folders
        self._room = room or Room()
        self._is_in_use = is_in_use
        self._afterwards = afterwards
        self._every_s = every_s
        self._clock = clock or SystemClock()
        self._sizes: dict[Path, _Use] = {}
        """Of each folder, as long as it is not used again."""

    async def run(self) -> None:
        """Sweep again and again until cancelled."""
        await sweep_every(self._every_s, self.sweep)

    async def sweep(self) -> int:
        """Remove what is gone or cold; how many folders there were. Raises: StoreUnavailable."""
        roots = await asyncio.to_thread(_folders_in, self._folders.root.parent)
        with self._held(roots) as held:
            for root in held:
                for aside in await asyncio.to_thread(left_behind, root):
                    await asyncio.to_thread(remove, aside)
            gone = sum([await self._remove_gone(root) for root in held])
            cold = await self._remove_cold(roots, held)
        await self._afterwards()
        if gone or cold:
            log.info("folders_removed", extra={"gone": gone, "cold": cold})
        return gone + cold

    @contextmanager
    def _held(self, roots: Sequence[Path]) -> Generator[Sequence[Path]]:
        """Our own of the roots, and those that nobody else holds while the block runs."""
        with ExitStack() as stack:
            own = self._folders.root
            beside = [root for root in roots if root != own]
            yield [own, *(root for root in beside if stack.enter_context(holding(root)))]

    async def _remove_gone(self, root: Path) -> int:
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
                await discard(copy.path)
        return len(gone)

    async def _remove_cold(self, roots: Sequence[Path], held: Sequence[Path]) -> int:
        """Remove what is too old, then what was used least lately, until the rest has room."""
        uses = sorted(await asyncio.to_thread(self._measure, roots), key=lambda use: use.used_at)
        taken = sum(use.size_bytes for use in uses)
        removed = 0
        for use in uses:
            idle_s = self._clock.now().timestamp() - use.used_at
            may_stay = idle_s <= self._room.most_days * DAY_S and taken <= self._room.most_bytes
            if may_stay or idle_s < self._room.idle_s or use.path.parent not in held:
                continue
            if await self._evict(use.path):
                taken -= use.size_bytes
                removed += 1
        return removed

    async def _evict(self, path: Path) -> bool:
        if path.parent != self._folders.root:
            await discard(path)
            return True
        return not self._is_in_use(path / "files") and await self._folders.evict(path)

    def _measure(self, roots: Sequence[Path]) -> Sequence[_Use]:
        """How much each folder takes; one that was not used since is not looked at again."""
        uses: dict[Path, _Use] = {}
        for path in (path for root in roots for path in _folders_in(root)):
            with suppress(OSError):
                used_at = path.stat().st_mtime
                known = self._sizes.get(path)
                if known is None or known.used_at != used_at:
                    known = _Use(path, used_at, size_of(path))
                uses[path] = known
        self._sizes = uses
        return list(uses.values())


def _folders_in(path: Path) -> Sequence[Path]:
    return [
        entry
        for entry in path.iterdir()
        if entry.is_dir() and not entry.is_symlink() and not entry.name.startswith(PREFIX)
    ]


def _copies_in(root: Path) -> list[_Copy]:
    return [_Copy(folder, _noted(folder)) for folder in _folders_in(root)]


def _noted(folder: Path) -> ProjectId | None:
    try:
        return ProjectId(str(json.loads((folder / NOTE).read_text())["project"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
