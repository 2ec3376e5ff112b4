"""readFile: a text file, or the part of it that fits; an image."""

import asyncio
import difflib
from typing import Annotated

from pydantic import Field

from tools.arguments import Arguments, FilePath
from tools.images import MAX_IMAGE_BYTES, MAX_SIDE_PIXELS, Image, image_of
from tools.output import ToolOutput
from tools.place import Place, Touches
from tools.text import decode, describe_binary, sha256_of
from tools.tool import Tool
from tools.workspace.paths import confine, name_of, parent_of
from tools.workspace.port import NoSuchFile, RelPath

MAX_LINES = 2_000
MAX_BYTES = 50 * 1024
MAX_LINE_CHARS = 2_000
MAX_SUGGESTIONS = 3
_LIKE_ENOUGH = 0.6


class ReadFile(Arguments):
    """Arguments of readFile."""

    path: FilePath
    offset: Annotated[int, Field(ge=1, description="First line to read; lines count from 1.")] = 1
    limit: Annotated[int, Field(ge=1, le=MAX_LINES, description="How many lines at most.")] = (
        MAX_LINES
    )


async def read_file(arguments: ReadFile, place: Place) -> ToolOutput:
    """The lines asked for, as they stand in the file, and a remark if there are more."""
    path = confine(arguments.path)
    data = await read_known(path, place)
    place.seen[path] = sha256_of(data)
    file = decode(data)
    if file is None and (image := image_of(data)) is not None:
        return _shown(path, data, image)
    if file is None:
        return ToolOutput(
            text=f"{path} cannot be shown: it is a {describe_binary(data)} of {len(data):,} bytes.",
            is_error=True,
        )
    return _cut(path, file.text, arguments)


def _shown(path: RelPath, data: bytes, image: Image) -> ToolOutput:
    what = (
        f"{path} is a {image.name} image of {len(data):,} bytes, "
        f"{image.width:,} x {image.height:,} pixels"
    )
    if len(data) > MAX_IMAGE_BYTES or max(image.width, image.height) > MAX_SIDE_PIXELS:
        limits = f"{MAX_IMAGE_BYTES // 1024 // 1024} MiB and {MAX_SIDE_PIXELS:,} pixels a side"
        return ToolOutput(f"{what}. It is not attached: the limits are {limits}.", is_error=True)
    return ToolOutput(f"{what}.", parts=(image.part(data),))


def _cut(path: RelPath, text: str, arguments: ReadFile) -> ToolOutput:
    first = arguments.offset - 1
    count = text.count("\n") + (not text.endswith("\n") if text else 0)
    if first > 0 and first >= count:
        return ToolOutput(
            text=f"{path} has {count} lines; offset {arguments.offset} is past its end.",
            is_error=True,
        )
    # Not more pieces than are shown: a file of short lines is many times as large in pieces.
    lines = text.split("\n", first + arguments.limit)
    shown: list[str] = []
    size_bytes = 0
    for line in lines[first : min(first + arguments.limit, count)]:
        short = _short(line)
        size_bytes += len(short.encode()) + 1
        if size_bytes > MAX_BYTES and shown:
            break
        shown.append(short)
    last = first + len(shown)
    if first == 0 and last == count:
        # Whole, so with the final newline or the lack of it.
        return ToolOutput(text="\n".join(shown) + ("\n" if text.endswith("\n") else ""))
    remark = f"[Lines {first + 1}-{last} of {count}."
    if last < count:
        remark += f" Read on with offset {last + 1}."
    return ToolOutput(text="\n".join([*shown, "", remark + "]"]))


def _short(line: str) -> str:
    if len(line) <= MAX_LINE_CHARS:
        return line
    return f"{line[:MAX_LINE_CHARS]} [... line cut: {len(line):,} characters]"


class NoSuchFileHere(NoSuchFile):
    """Nothing at the path, and perhaps something like it elsewhere."""

    def __init__(self, path: RelPath, similar: list[RelPath]) -> None:
        super().__init__(path)
        if similar:
            self.args = (f"{self}\nDid you mean: {', '.join(similar)}?",)


async def read_known(path: RelPath, place: Place) -> bytes:
    """Read a file; if it is not there, forget it and name up to three that may be meant.

    Raises:
        NoSuchFileHere: nothing at the path.
    """
    try:
        return await place.files.read(path)
    except NoSuchFile:
        place.seen.pop(path, None)
        files = [entry.path for entry in await place.files.walk() if entry.kind == "file"]
        raise NoSuchFileHere(path, await asyncio.to_thread(_similar, files, path)) from None


def _similar(files: list[RelPath], path: RelPath) -> list[RelPath]:
    name = name_of(path).casefold()
    stem = name.partition(".")[0]

    def likeness(other: RelPath) -> float:
        other_name = name_of(other).casefold()
        other_stem = other_name.partition(".")[0]
        if other_name == name:
            return 2.0
        if parent_of(other) == parent_of(path) and other_stem == stem:
            return 1.5  # the same file with another ending
        # Endings are left out: all of a project's files share a few.
        matcher = difflib.SequenceMatcher(None, other_stem, stem)
        if matcher.real_quick_ratio() < _LIKE_ENOUGH or matcher.quick_ratio() < _LIKE_ENOUGH:
            return 0.0
        return matcher.ratio()

    scored = sorted((-likeness(other), other) for other in files)
    return [other for score, other in scored[:MAX_SUGGESTIONS] if -score >= _LIKE_ENOUGH]


READ_FILE = Tool(
    name="readFile",
    description=(
        "Read a text file or an image. Shows up to 2,000 lines or 50 KiB; use offset and limit for "
        "more. Read a file before you replace it with writeFile."
    ),
    arguments=ReadFile,
    touches=lambda arguments: Touches(reads=frozenset({confine(arguments.path)})),
    run=read_file,
)
