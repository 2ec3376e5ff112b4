"""readOutput: pages of an output that was too long to show, or the lines of it that hold a text."""

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import Field

from tools.arguments import Arguments
from tools.output import ToolOutput
from tools.outputs import KeptOutputs, NoSuchOutput, Outputs
from tools.place import Place, Touches
from tools.terminal.shown import lines_cut
from tools.tool import Tool

MAX_LINES = 500
MAX_CHARS = 24_000


class ReadOutput(Arguments):
    """Arguments of readOutput."""

    handle: Annotated[str, Field(max_length=40, description="Handle that a result gave.")]
    offset: Annotated[int, Field(ge=1, description="First line to read; lines count from 1.")] = 1
    limit: Annotated[int, Field(ge=1, le=MAX_LINES, description="Lines at most.")] = MAX_LINES
    pattern: Annotated[
        str | None,
        Field(min_length=1, max_length=200, description="Only lines that hold this text."),
    ] = None


async def read_output(arguments: ReadOutput, place: Place) -> ToolOutput:
    """A page of a whole output, or of its lines that hold a text, in letters of either case."""
    text = await _whole(arguments.handle, place)
    lines = lines_cut(text).removesuffix("\n").split("\n")
    if arguments.offset > len(lines):
        return ToolOutput(
            f"The output has {len(lines)} lines; offset {arguments.offset} is past its end.",
            is_error=True,
        )
    if arguments.pattern is None:
        return _page(lines, arguments)
    return _found(lines, arguments, arguments.pattern)


async def _whole(handle: str, place: Place) -> str:
    """From the conversation, where the place has one; else from this worker."""
    try:
        kept = place.need(KeptOutputs)
    except LookupError:
        if place.folder is None:
            raise NoSuchOutput(handle) from None
        return await place.need(Outputs).read(place.folder, handle)
    return await kept.read(handle)


def _page(lines: Sequence[str], arguments: ReadOutput) -> ToolOutput:
    first = arguments.offset - 1
    shown = list(_fitting(iter(lines[first : first + arguments.limit])))
    last = first + len(shown)
    more = f" Read on with offset {last + 1}." if last < len(lines) else ""
    remark = f"[Lines {first + 1}-{last} of {len(lines)}.{more}]"
    return ToolOutput("\n".join([*shown, "", remark]))


def _found(lines: Sequence[str], arguments: ReadOutput, pattern: str) -> ToolOutput:
    wanted, first = pattern.casefold(), arguments.offset - 1
    found = [number for number in range(first, len(lines)) if wanted in lines[number].casefold()]
    if not found:
        return ToolOutput(f"[No line from {first + 1} to {len(lines)} holds {pattern!r}.]")
    numbered = (f"{number + 1}: {lines[number]}" for number in found[: arguments.limit])
    shown = list(_fitting(numbered))
    count = f"{len(shown)} of {len(found)} lines from {first + 1} to {len(lines)}"
    more = f" Read on with offset {found[len(shown)] + 1}." if len(shown) < len(found) else ""
    return ToolOutput("\n".join([*shown, "", f"[{count} that hold {pattern!r}.{more}]"]))


def _fitting(lines: Iterator[str]) -> Iterator[str]:
    """As many as there is room for, at least one."""
    size = 0
    for line in lines:
        size += len(line) + 1
        if size > MAX_CHARS and size > len(line) + 1:
            return
        yield line


READ_OUTPUT = Tool(
    name="readOutput",
    description="Read or search an output that was too long to show whole, by its handle.",
    arguments=ReadOutput,
    touches=lambda _: Touches(),
    run=read_output,
)
