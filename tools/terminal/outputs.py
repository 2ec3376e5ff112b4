"""Whole outputs of commands, kept for a while on the worker's disk; readOutput pages through."""

import asyncio
import secrets
import shutil
import tempfile
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field

from core.errors import NotFound
from tools.arguments import Arguments
from tools.output import FullTextPart, Part, ToolOutput
from tools.place import Place, Touches
from tools.terminal.shown import both_ends, lines_cut, without_middle
from tools.tool import Tool

MAX_KEPT_BYTES = 256 * 1024 * 1024
MAX_LINES = 500
MAX_CHARS = 24_000


class NoSuchOutput(NotFound):
    """No output is kept under that handle."""

    code = "no_such_output"

    def __init__(self, handle: str) -> None:
        super().__init__(
            f"No output is kept under {handle!r}: old ones make room for new ones, and all go with "
            "the worker. Run the command again, with its output in a file or through grep or tail."
        )


@dataclass(frozen=True)
class _Kept:
    folder: Path
    size_bytes: int


class Outputs:
    """Texts that were too long to show, each readable in the project it comes from.

    They are no part of the store: the oldest go when they are more than 256 MiB together, and all
    of them with this worker.

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


async def shown(text: str, folder: Path, outputs: Outputs | None) -> tuple[str, list[Part]]:
    """The text as a model gets it: long lines cut, and the middle if there is much of it.

    Args:
        text: what a program printed.
        folder: of the project, in which the whole text can be read.
        outputs: where it is kept then, and the part that says so; None: what is cut out is gone.
    """
    if (ends := both_ends(text)) is None:
        return lines_cut(text), []
    if outputs is None:
        return without_middle(ends), []
    handle, size_bytes = await outputs.keep(folder, text)
    where = f"; readOutput with handle {handle!r} has them all"
    return without_middle(ends, where), [FullTextPart(handle, size_bytes)]


class ReadOutput(Arguments):
    """Arguments of readOutput."""

    handle: Annotated[str, Field(max_length=40, description="Handle that a command's result gave.")]
    offset: Annotated[int, Field(ge=1, description="First line to read; lines count from 1.")] = 1


async def read_output(arguments: ReadOutput, place: Place) -> ToolOutput:
    """A page of a whole output."""
    if place.folder is None:
        raise NoSuchOutput(arguments.handle)
    text = await place.need(Outputs).read(place.folder, arguments.handle)
    lines = lines_cut(text).removesuffix("\n").split("\n")
    first = arguments.offset - 1
    if first >= len(lines):
        return ToolOutput(
            f"The output has {len(lines)} lines; offset {arguments.offset} is past its end.",
            is_error=True,
        )
    shown: list[str] = []
    size = 0
    for line in lines[first : first + MAX_LINES]:
        size += len(line) + 1
        if size > MAX_CHARS and shown:
            break
        shown.append(line)
    last = first + len(shown)
    more = f" Read on with offset {last + 1}." if last < len(lines) else ""
    remark = f"[Lines {first + 1}-{last} of {len(lines)}.{more}]"
    return ToolOutput("\n".join([*shown, "", remark]))


READ_OUTPUT = Tool(
    name="readOutput",
    description="Read on in a command's output that was too long to show whole.",
    arguments=ReadOutput,
    touches=lambda _: Touches(),
    run=read_output,
)
