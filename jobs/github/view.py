"""A project as a pull sees it: which files stand where, and what it has changed so far."""

import asyncio
import hashlib
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from store.pulls import SeenFile
from store.records import FileEntry, FileMode
from tools.workspace.paths import ancestors_of
from tools.workspace.port import RelPath

HASHED_BYTES = 1 << 20  # on the loop: a millisecond or two


class FileMoved(Exception):
    """A file is not what it was when the project was looked through."""


@dataclass(frozen=True)
class Version:
    """A file: its bytes, and what it is."""

    data: bytes
    mode: FileMode | None

    @cached_property
    def sha256(self) -> str:
        """The hash of its bytes, as the store keeps it."""
        return hashlib.sha256(self.data).hexdigest()

    async def hashed(self) -> Self:
        """Itself, once its hash is known; much of it is hashed in a thread."""
        if len(self.data) > HASHED_BYTES:
            await asyncio.to_thread(lambda: self.sha256)
        return self


class ProjectView:
    """The files of a project. What is changed here is not changed there: that comes in batches."""

    def __init__(
        self, entries: Iterable[FileEntry], read: Callable[[str], Awaitable[bytes]]
    ) -> None:
        self._read = read
        self._files: dict[str, SeenFile] = {}
        self._inside: Counter[str] = Counter()
        self._by_content: defaultdict[str, set[str]] = defaultdict(set)
        folders: list[str] = []
        for entry in entries:
            if entry.kind == "folder":
                folders.append(entry.path)
            else:
                self.put(SeenFile(entry.path, entry.sha256 or "", entry.mode))
        for folder in folders:
            if not self._inside[folder]:
                self._inside.update([folder, *ancestors_of(RelPath(folder))])  # one with nothing in

    def seen(self, path: str) -> SeenFile:
        """The file at a path, or that there is none."""
        return self._files.get(path, SeenFile(path))

    def has(self, path: str) -> bool:
        """Whether a file stands there."""
        return path in self._files

    async def version(self, path: str) -> Version | None:
        """The file at a path; None where there is none. Raises: FileMoved."""
        seen = self._files.get(path)
        if seen is None:
            return None
        version = await Version(await self._read(path), seen.mode).hashed()
        if version.sha256 != seen.sha256:
            raise FileMoved(path)
        return version

    def with_content(self, sha256: str) -> frozenset[str]:
        """Where files of that content stand."""
        return frozenset(self._by_content[sha256])

    def in_the_way(self, path: str) -> str | None:
        """What forbids a file at a path: a folder of that name, or a file around it."""
        if self._inside[path] > 0:
            return path
        return next((it for it in ancestors_of(RelPath(path)) if it in self._files), None)

    def put(self, file: SeenFile) -> None:
        """This file stands there from now on."""
        self.drop(file.path)
        self._files[file.path] = file
        self._by_content[file.sha256].add(file.path)
        self._inside.update(ancestors_of(RelPath(file.path)))

    def drop(self, path: str) -> None:
        """No file stands there from now on; folders in which nothing is left are gone."""
        if (file := self._files.pop(path, None)) is not None:
            self._by_content[file.sha256].discard(path)
            self._inside.subtract(ancestors_of(RelPath(path)))
