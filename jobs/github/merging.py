"""Three versions of a file into one: that of the last sync, the branch's and the project's.

Nothing is lost in silence: where both have changed the same, a text holds both between marks, and
of anything else the branch's version stands beside the project's, under a name of its own.
"""

import asyncio
import tempfile
from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from jobs.github.changes import Change
from jobs.github.git import Git, GitFailed
from jobs.github.tree import Blobs, Held
from jobs.github.view import ProjectView, Version
from store.pulls import PulledFile, SeenFile
from store.records import NewMode, ReportLine

MOST_TEXT_BYTES = 5_000_000  # larger files are not merged by line
MOST_CONFLICTS = 127  # that git's exit code tells; beyond that it is an error


@dataclass(frozen=True)
class Labels:
    """How the two sides are called, between marks and in reports."""

    ours: str
    base: str
    theirs: str


@dataclass
class Merged:
    """What is to be done in the project, and what is to be said of it."""

    removes: list[SeenFile] = field(default_factory=list[SeenFile])
    writes: list[PulledFile] = field(default_factory=list[PulledFile])
    conflicts: list[ReportLine] = field(default_factory=list[ReportLine])

    @property
    def changes(self) -> int:
        """How many paths change."""
        return len(self.removes) + len(self.writes)

    @property
    def size_bytes(self) -> int:
        """Of what is written."""
        return sum(len(file.data) for file in self.writes)

    def add(self, other: "Merged") -> None:
        """Both, one after the other."""
        self.removes += other.removes
        self.writes += other.writes
        self.conflicts += other.conflicts


@dataclass(frozen=True)
class Merger:
    """Merges the changes of a branch into a view of the project, which it keeps up to date.

    `named`: every path of the branch, now and at the last sync: those names are given to nothing
    else.
    """

    git: Git
    blobs: Blobs
    view: ProjectView
    labels: Labels
    named: Collection[str]

    async def merge(self, change: Change) -> Merged:
        """What becomes of one change. Raises: FileMoved."""
        merged = Merged()
        for held in change.cleared:
            await self._settle(merged, held.path, await self._version(held), None)
        base, theirs = await self._version(change.base), await self._version(change.theirs)
        path, source = change.path, change.source
        if source is not None and self.view.has(source) and not self.view.has(path):
            ours = await self.view.version(source)
            self._remove(merged, source)
            await self._decide(merged, path, base, ours, theirs)
        elif source is not None:
            if (other := self._moved_here(source, base)) is not None:
                self._tell(merged, path, f"both moved {source}, here to {other}: both are kept")
            is_same_move = self.view.has(path) and not self.view.has(source)
            await self._settle(merged, source, base, None)
            await self._settle(merged, path, base if is_same_move else None, theirs)
        else:
            here = self._moved_here(path, base) if theirs is not None else None
            await self._settle(merged, here or path, base, theirs)
        return merged

    async def _version(self, held: Held | None) -> Version | None:
        if held is None:
            return None
        mode = None if held.mode == "regular" else held.mode
        return await Version(await self.blobs.read(held.entry.sha), mode).hashed()

    def _moved_here(self, path: str, base: Version | None) -> str | None:
        """Where the project has moved the file to, where it has that and nothing else of it."""
        if base is None or self.view.has(path) or not base.data:
            return None
        found = [it for it in self.view.with_content(base.sha256) if it not in self.named]
        return found[0] if len(found) == 1 else None

    async def _settle(
        self, merged: Merged, path: str, base: Version | None, theirs: Version | None
    ) -> None:
        """Three versions of one path; the bytes of ours are read only where they are needed."""
        seen = self.view.seen(path)
        for other, result in ((base, theirs), (theirs, theirs)):
            if other is not None and (seen.sha256, seen.mode) == (other.sha256, other.mode):
                self._become(merged, path, result)
                return
        await self._decide(merged, path, base, await self.view.version(path), theirs)

    async def _decide(
        self,
        merged: Merged,
        path: str,
        base: Version | None,
        ours: Version | None,
        theirs: Version | None,
    ) -> None:
        """What is to stand at the path, where `ours` is the project's version of it."""
        ours_name, theirs_name = self.labels.ours, self.labels.theirs
        if ours in (base, theirs):
            self._become(merged, path, theirs)
        elif theirs is None:
            self._tell(merged, path, f"{theirs_name} deleted it, {ours_name} changed it: it stays")
        elif ours is None:
            where = self._become(merged, path, theirs)
            why = f"{ours_name} deleted it, {theirs_name} changed it: it is back"
            self._tell(merged, where or path, why)
        elif theirs == base:
            self._become(merged, path, ours)
        else:
            await self._both(merged, path, base, ours, theirs)

    async def _both(
        self, merged: Merged, path: str, base: Version | None, ours: Version, theirs: Version
    ) -> None:
        """Both sides have changed it, or both have made it."""
        if ours.data == theirs.data or (base is not None and ours.data == base.data):
            data, conflicts = theirs.data, 0
        elif base is not None and theirs.data == base.data:
            data, conflicts = ours.data, 0
        elif all(_is_text(it) for it in (base, ours, theirs)):
            data, conflicts = await self._by_line(base.data if base else b"", ours, theirs)
        else:
            data, conflicts = ours.data, -1
        if conflicts < 0 or "symlink" in {ours.mode, theirs.mode}:
            self._become(merged, path, ours)
            self._beside(merged, path, theirs, "both changed it, and it cannot be merged by line")
            return
        base_mode = base.mode if base is not None else None
        mode = theirs.mode if ours.mode == base_mode else ours.mode
        self._become(merged, path, Version(data, mode))
        if conflicts:
            places = "1 place" if conflicts == 1 else f"{conflicts} places"
            why = f"both changed the same lines: {places} between <<<<<<< and >>>>>>> to decide"
            self._tell(merged, path, why)

    async def _by_line(self, base: bytes, ours: Version, theirs: Version) -> tuple[bytes, int]:
        """The merged text, and in how many places both have changed it; -1: it is no text to git.

        Raises: GitFailed.
        """
        with tempfile.TemporaryDirectory(prefix="merge-", dir=self.git.folder) as folder:
            names = [str(Path(folder) / name) for name in ("ours", "base", "theirs")]
            contents = (ours.data, base, theirs.data)
            await asyncio.to_thread(_write_all, names, contents)
            labels = [self.labels.ours, self.labels.base, self.labels.theirs]
            marked = [part for label in labels for part in ("-L", label)]
            async with self.git.process("merge-file", "-p", "-q", *marked, *names) as running:
                data = await running.output.read()
                code = await running.process.wait()
                if 0 <= code <= MOST_CONFLICTS:
                    return data, code
                if "binary" in running.words().lower():
                    return ours.data, -1
                raise GitFailed("merge-file", code, running.words())

    def _become(self, merged: Merged, path: str, version: Version | None) -> str | None:
        """Have the version stand at the path; where it does, if not there."""
        if version is None:
            self._remove(merged, path)
            return None
        seen = self.view.seen(path)
        if (seen.sha256, seen.mode) == (version.sha256, version.mode):
            return None
        if (blocked := self.view.in_the_way(path)) is not None:
            why = "a folder stands there" if blocked == path else f"{blocked} is a file"
            return self._beside(merged, path, version, why)
        self._write(merged, path, version)
        return None

    def _beside(self, merged: Merged, path: str, version: Version, why: str) -> str:
        """Have it stand under a name of its own, and say so."""
        blocked = self.view.in_the_way(path) or path
        names = (f"{blocked}.theirs{n if n > 1 else ''}{path[len(blocked) :]}" for n in count(1))
        name = next(name for name in names if self._is_free(name, version))
        self._write(merged, name, version)
        self._tell(merged, path, f"{why}: what {self.labels.theirs} has stands beside, as {name}")
        return name

    def _is_free(self, name: str, version: Version) -> bool:
        """Whether it can stand there: nothing else does, or will."""
        is_there = self.view.seen(name).sha256 not in {"", version.sha256}
        return not is_there and name not in self.named and self.view.in_the_way(name) is None

    def _write(self, merged: Merged, path: str, version: Version) -> None:
        mode: NewMode = version.mode or "regular"
        merged.writes.append(PulledFile(self.view.seen(path), version.data, mode))
        self.view.put(SeenFile(path, version.sha256, version.mode))

    def _remove(self, merged: Merged, path: str) -> None:
        if self.view.has(path):
            merged.removes.append(self.view.seen(path))
            self.view.drop(path)

    def _tell(self, merged: Merged, path: str, reason: str) -> None:
        merged.conflicts.append(ReportLine(path[:300], reason[:300]))


def _is_text(version: Version | None) -> bool:
    if version is None:
        return True
    is_short = len(version.data) <= MOST_TEXT_BYTES
    return is_short and version.mode != "symlink" and b"\0" not in version.data


def _write_all(names: list[str], contents: tuple[bytes, bytes, bytes]) -> None:
    for name, content in zip(names, contents, strict=True):
        Path(name).write_bytes(content)
