"""Whole outputs of calls that are too long to show, for readOutput: on a disk, and in a store."""

import asyncio
import re
import secrets
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from core.errors import NotFound

MAX_KEPT_BYTES = 256 * 1024 * 1024
LONGEST_BYTES = 2 * 1024 * 1024  # of one that is kept with its call


def where_whole(handle: str) -> str:
    """How a result says where the whole of it is."""
    return f"readOutput with handle {handle!r} has it all"


_SAID = re.compile(r"readOutput with handle '(out-[0-9a-f]+)' has it all")


def where_whole_in(text: str) -> str | None:
    """What a result says of where the whole of it is, to be said where the result is cut again."""
    said = _SAID.search(text)
    return None if said is None else said[0]


class NoSuchOutput(NotFound):
    """No output is kept under that handle."""

    code = "no_such_output"

    def __init__(self, handle: str) -> None:
        super().__init__(
            f"No output is kept under {handle!r} here: those of other conversations cannot be "
            "read, and old ones make room for new ones. Run the command again, with its output in "
            "a file or through grep or tail."
        )


class KeptOutputs(ABC):
    """The outputs that are kept with the calls of one conversation, wherever they ran."""

    @abstractmethod
    async def read(self, handle: str) -> str:
        """The text, of one over 2 MiB without its middle. Raises: NoSuchOutput."""


def bounded(text: str) -> bytes:
    """The text as it is kept with its call: of a long one both ends, cut between characters."""
    data = text.encode()
    if len(data) <= LONGEST_BYTES:
        return data
    half = LONGEST_BYTES // 2
    head = data[:half].decode(errors="ignore")
    tail = data[-half:].decode(errors="ignore")
    left_out = len(text) - len(head) - len(tail)
    return f"{head}\n[... {left_out:,} characters are not kept ...]\n{tail}".encode()


@dataclass(frozen=True)
class _Kept:
    folder: Path
    size_bytes: int


class Outputs:
    """Texts that were too long to show, each readable in the project it comes from.

    The oldest go when they are more than 256 MiB together, those of a project with its folder, and
    all of them with this worker: what a conversation is to find again is kept with its call
    (`KeptOutputs`).

    Args:
        parent: where a folder for them is made; the system's temporary folder by default.
        max_bytes: of all together.
    """

    def __init__(self, *, parent: Path | None = None, max_bytes: int = MAX_KEPT_BYTES) -> None:
        self._parent = parent
        self._max_bytes = max_bytes
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._root: Path | None = None

    async def __aenter__(self) -> Self:
        """Make a folder for them."""
        made = await asyncio.to_thread(tempfile.mkdtemp, prefix="outputs-", dir=self._parent)
        self._root = Path(made)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Remove them."""
        if self._root is not None:
            await asyncio.to_thread(shutil.rmtree, self._root, ignore_errors=True)

    async def keep(self, folder: Path, text: str) -> tuple[str, int]:
        """Keep a text of the project in that folder: its handle, and its size in bytes."""
        data = text.encode()
        handle = f"out-{secrets.token_hex(6)}"
        await asyncio.to_thread(self._path(handle).write_bytes, data)
        self._kept[handle] = _Kept(folder, len(data))
        while len(self._kept) > 1 and self._size_bytes > self._max_bytes:
            oldest, _ = self._kept.popitem(last=False)
            await asyncio.to_thread(self._path(oldest).unlink, missing_ok=True)
        return handle, len(data)

    async def drop_gone(self) -> int:
        """Remove those of projects whose folder is gone; how many there were."""
        folders = {kept.folder for kept in self._kept.values()}
        there = await asyncio.to_thread(_existing, folders)
        gone = [handle for handle, kept in self._kept.items() if kept.folder in folders - there]
        for handle in gone:
            self._kept.pop(handle, None)
            await asyncio.to_thread(self._path(handle).unlink, missing_ok=True)
        return len(gone)

    async def read(self, folder: Path, handle: str) -> str:
        """The whole text. Raises: NoSuchOutput."""
        kept = self._kept.get(handle)
        if kept is None or kept.folder != folder:
            raise NoSuchOutput(handle)
        try:
            data = await asyncio.to_thread(self._path(handle).read_bytes)
        except FileNotFoundError:
            raise NoSuchOutput(handle) from None
        return data.decode()

    @property
    def _size_bytes(self) -> int:
        return sum(kept.size_bytes for kept in self._kept.values())

    def _path(self, handle: str) -> Path:
        if self._root is None:
            raise NoSuchOutput(handle)
        return self._root / handle


def _existing(folders: Iterable[Path]) -> set[Path]:
    return {folder for folder in folders if folder.exists()}
