"""The commits of repositories that projects are kept the same as: a cache on the worker's disk.

One bare repository for each remote and person. It is a cache: what is missing is fetched again, so
that losing it is never an error.
"""

import asyncio
import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from core.clock import Clock
from core.ids import OwnerId
from jobs.files.removal import left_behind, remove, set_aside
from jobs.github.git import Git, GitFailed, size_of

DAY_S = 86_400.0
_OWNER = "polaris-owner"  # a file beside those of git
_GONE = ("not our ref", "unadvertised object", "couldn't find remote ref", "no such remote ref")


@dataclass(frozen=True)
class HistoryRoom:
    """What the cache of a worker may take, and how long one of which nothing is asked stays."""

    most_bytes: int = 2 * 1024**3
    most_days: float = 7.0


@dataclass(frozen=True)
class Histories:
    """The cache below a folder that no other process holds."""

    folder: Path
    clock: Clock
    room: HistoryRoom = field(default_factory=HistoryRoom)
    _in_use: Counter[Path] = field(default_factory=Counter[Path])
    _fetching: defaultdict[Path, asyncio.Lock] = field(
        default_factory=lambda: defaultdict(asyncio.Lock)
    )

    @asynccontextmanager
    async def opened(
        self, url: str, owner: OwnerId, git_in: Callable[[Path], Git]
    ) -> AsyncGenerator["History"]:
        """The commits of a remote, as this person may see it; it stays while the block runs.

        What is broken is thrown away, for the next one to fetch. Raises: GitMissing.
        """
        path = self.folder / f"{_name_of(url, owner)}.git"
        self._in_use[path] += 1
        try:
            git, lock = git_in(path), self._fetching[path]
            async with lock:  # of two at once, one would find what the other has half made
                await _made(git)
                await asyncio.to_thread(_note_owner, path, owner)
            os.utime(path)
            yield History(git, url, lock)
        except (GitFailed, EOFError):
            set_aside(path)
            raise
        finally:
            self._in_use[path] -= 1
            if not self._in_use[path]:
                del self._in_use[path]
        await self.sweep()

    async def adopt(self, git: Git, commit: str, *, url: str, owner: OwnerId) -> None:
        """Keep a repository that has the commit whole, where nothing is kept of this remote yet.

        Then the next pull need not fetch what an import or export had here already.
        """
        path = self.folder / f"{_name_of(url, owner)}.git"
        if path.exists() or self._in_use[path]:
            return
        try:
            await git.run("update-ref", _ref_of(commit), f"{commit}^{{commit}}")
            self.folder.mkdir(parents=True, exist_ok=True)
            await asyncio.to_thread(_note_owner, git.folder, owner)
            git.folder.rename(path)
        except (GitFailed, OSError):
            return
        await self.sweep()

    async def owners(self) -> Mapping[Path, OwnerId | None]:
        """Whose each of them is; None where it does not say."""
        return await asyncio.to_thread(_owners_in, self.folder)

    async def remove(self, paths: Iterable[Path]) -> None:
        """Remove some of them, unless they are in use."""
        for path in paths:
            if not self._in_use[path]:
                set_aside(path)
                self._fetching.pop(path, None)
        await asyncio.to_thread(_remove_asides, self.folder)

    async def sweep(self) -> None:
        """Remove what is too old, then what was used least lately, until the rest has room."""
        if not self.folder.exists():
            return
        uses = await asyncio.to_thread(_measured, self.folder)
        taken = sum(size for _, _, size in uses)
        now = self.clock.now().timestamp()
        for used_at, path, size in uses:
            is_old = now - used_at > self.room.most_days * DAY_S
            if (is_old or taken > self.room.most_bytes) and not self._in_use[path]:
                set_aside(path)
                self._fetching.pop(path, None)
                taken -= size
        await asyncio.to_thread(_remove_asides, self.folder)


@dataclass(frozen=True)
class History:
    """Commits of one remote, each with its whole tree; those that were fetched are there."""

    git: Git
    url: str
    _lock: asyncio.Lock

    async def has(self, commit: str) -> bool:
        """Whether the commit is there, with all that belongs to it."""
        try:
            await self.git.run("rev-parse", "--verify", "--quiet", _ref_of(commit))
        except GitFailed:
            return False
        return True

    async def fetch(self, commit: str, *, watch: Callable[[int], None]) -> bool:
        """Have the commit; False where the remote has none of that name, or gives it no more.

        `watch` gets the bytes that have come so far, and may raise.

        Raises: GitFailed.
        """
        async with self._lock:  # two at once would both write the list of shallow commits
            if await self.has(commit):
                return True
            before = await asyncio.to_thread(size_of, self.git.folder)
            try:
                await self.git.fetch(
                    self.url,
                    f"+{commit}:{_ref_of(commit)}",
                    watch=lambda size: watch(size - before),
                )
            except GitFailed as failed:
                if is_gone(failed):
                    return False
                raise
        return True


def is_gone(failed: GitFailed) -> bool:
    """Whether a fetch has failed because the remote has no such commit, or gives it no more."""
    return any(words in failed.words.lower() for words in _GONE)


async def _made(git: Git) -> None:
    """Make the repository where there is none, or none that git takes for one."""
    await git.create()
    try:
        await git.run("rev-parse", "--git-dir")
    except GitFailed:
        set_aside(git.folder)
        await git.create()


def _ref_of(commit: str) -> str:
    return f"refs/polaris/commits/{commit}"


def _name_of(url: str, owner: OwnerId) -> str:
    return hashlib.sha256(f"{owner}\n{url}".encode()).hexdigest()[:32]


def _note_owner(path: Path, owner: OwnerId) -> None:
    (path / _OWNER).write_text(owner)


def _owners_in(folder: Path) -> dict[Path, OwnerId | None]:
    owners: dict[Path, OwnerId | None] = {}
    for path in folder.glob("*.git"):
        note = path / _OWNER
        owners[path] = OwnerId(note.read_text()) if note.exists() else None
    return owners


def _measured(folder: Path) -> Sequence[tuple[float, Path, int]]:
    """When each was last used, where it is and what it takes: the one of longest ago first."""
    uses: list[tuple[float, Path, int]] = []
    for path in folder.glob("*.git"):
        with suppress(OSError):
            uses.append((path.stat().st_mtime, path, size_of(path)))
    return sorted(uses)


def _remove_asides(folder: Path) -> None:
    for aside in left_behind(folder):
        remove(aside)
