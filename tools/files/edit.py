"""editFile: replace an exact text in a file; when it does not match, say what is there instead."""

import asyncio
import difflib
from collections.abc import Iterator
from itertools import islice
from typing import Annotated

from pydantic import Field

from core.errors import Refused
from tools.arguments import MAX_CONTENT_CHARS, Arguments, FilePath
from tools.files.read import read_known
from tools.output import ToolOutput
from tools.place import Place, Touches
from tools.text import TextFile, decode, describe_binary, sha256_of
from tools.tool import Tool
from tools.workspace.paths import confine
from tools.workspace.port import MAX_FILE_BYTES, Changed, RelPath

MAX_LINES_COMPARED = 5_000  # keeps the search for the nearest lines under about 100 ms
MAX_LINES_SQUEEZED = 50_000  # of the file: with the next line it bounds what is compared
MAX_LINES_WANTED = 500
MAX_LISTED = 10
MAX_PLACES = 100_000  # the list of them is about 10 MB
CONTEXT_LINES = 2
_LIKE_ENOUGH = 0.6
_MAX_COMPARED_CHARS = 200


class EditFile(Arguments):
    """Arguments of editFile."""

    path: FilePath
    old_string: Annotated[
        str,
        Field(
            alias="oldString",
            max_length=MAX_CONTENT_CHARS,
            description="The exact text to replace, with its indentation. It must occur once.",
        ),
    ]
    new_string: Annotated[
        str,
        Field(alias="newString", max_length=MAX_CONTENT_CHARS, description="What to put there."),
    ]
    replace_all: Annotated[
        bool, Field(alias="replaceAll", description="Replace every occurrence instead of one.")
    ] = False


class NoSuchText(Refused):
    """The edit cannot be made as it was asked for; nothing was changed."""

    code = "edit_refused"


async def edit_file(arguments: EditFile, place: Place) -> ToolOutput:
    """Replace; every byte outside the match stays as it is."""
    path = confine(arguments.path)
    old, new = _plain(arguments.old_string), _plain(arguments.new_string)
    if not old:
        raise NoSuchText("oldString is empty: give the text to replace. writeFile creates files.")
    if old == new:
        raise NoSuchText("oldString and newString are the same, so there is nothing to change.")
    data = await read_known(path, place)
    file = decode(data)
    if file is None:
        raise NoSuchText(f"{path} cannot be edited: it is a {describe_binary(data)}.")
    base = place.seen.get(path, sha256_of(data))
    if base != sha256_of(data):
        if not await asyncio.to_thread(_was_done_before, file, base, old=old, new=new):
            raise Changed(path)
        place.seen[path] = sha256_of(data)
        return ToolOutput(text=f"Successfully edited {path}")
    count = file.text.count(old)
    if count == 0:
        raise NoSuchText(await asyncio.to_thread(_explain_no_match, path, file.text, old))
    if count > 1 and not arguments.replace_all:
        raise NoSuchText(_explain_many(path, file.text, old, count))
    edited = await asyncio.to_thread(_edited, path, file, old=old, new=new)
    await place.files.write(path, edited, expected_sha256=base)
    place.seen[path] = sha256_of(edited)
    times = f" ({count} replacements)" if count > 1 else ""
    return ToolOutput(text=f"Successfully edited {path}{times}")


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n")


def _edited(path: RelPath, file: TextFile, *, old: str, new: str) -> bytes:
    """Every `old` replaced; looks at the size before it builds what may be a thousand times it.

    Raises:
        NoSuchText: there are too many places, or the file would be too large.
    """
    count = file.text.count(old)
    if count > MAX_PLACES:
        raise NoSuchText(
            f"oldString occurs {count:,} times in {path}, more than the {MAX_PLACES:,} that one "
            "edit may change, so nothing was changed. Give a longer oldString."
        )
    spans = list(_occurrences(file.text, old))
    size_bytes = file.size_with_spans(spans, new)
    if size_bytes > MAX_FILE_BYTES:
        raise NoSuchText(
            f"{path} would have {size_bytes:,} bytes after this edit; the limit is "
            f"{MAX_FILE_BYTES:,}. Nothing was changed. Replace fewer places or with less text."
        )
    return file.with_spans(spans, new)


def _occurrences(text: str, wanted: str) -> Iterator[tuple[int, int]]:
    found = text.find(wanted)
    while found >= 0:
        yield found, found + len(wanted)
        found = text.find(wanted, found + len(wanted))


def _was_done_before(file: TextFile, base_sha256: str, *, old: str, new: str) -> bool:
    """Whether taking this very edit back gives what the run last saw.

    So it is when the process died after the write and before the result was recorded. What the run
    saw was no larger than a tool may read.
    """
    if not new:
        return False
    candidates = [[span] for span in islice(_occurrences(file.text, new), MAX_LISTED)]
    if file.text.count(new) <= MAX_PLACES:
        candidates.append(list(_occurrences(file.text, new)))
    return any(
        file.size_with_spans(spans, old) <= MAX_FILE_BYTES
        and sha256_of(file.with_spans(spans, old)) == base_sha256
        for spans in candidates
    )


def _explain_many(path: RelPath, text: str, wanted: str, count: int) -> str:
    starts = [start for start, _ in islice(_occurrences(text, wanted), MAX_LISTED)]
    lines = [text.count("\n", 0, start) + 1 for start in starts]
    listed = ", ".join(str(line) for line in lines) + (" ..." if count > MAX_LISTED else "")
    return (
        f"oldString occurs {count} times in {path} (lines {listed}), so nothing was changed. "
        "Add lines before or after it until it is unique, or set replaceAll."
    )


def _explain_no_match(path: RelPath, text: str, wanted: str) -> str:
    start = f"oldString does not occur in {path}, so nothing was changed."
    lines = text.split("\n", MAX_LINES_SQUEEZED)[:MAX_LINES_SQUEEZED]
    wanted_lines = wanted.split("\n")
    at = _same_but_for_spaces(lines, wanted_lines)
    if at is not None:
        reason = " These lines differ from it in white space only; copy them exactly:"
        return f"{start}{reason}\n{_quote(lines, at, len(wanted_lines))}"
    at = _nearest_line(lines, wanted_lines)
    if at is None:
        return f"{start} Nothing in the file is like it. Read the file again."
    return (
        f"{start} The nearest lines are:\n{_quote(lines, at, len(wanted_lines))}\n"
        "Use the text of the file exactly as it is there, without the line numbers."
    )


def _same_but_for_spaces(lines: list[str], wanted: list[str]) -> int | None:
    squeezed = ["".join(line.split()) for line in wanted]
    while squeezed and not squeezed[-1]:
        squeezed.pop()
    if not any(squeezed) or len(squeezed) > MAX_LINES_WANTED:
        return None
    plain = ["".join(line.split()) for line in lines]
    for at in range(len(plain) - len(squeezed) + 1):
        if plain[at : at + len(squeezed)] == squeezed:
            return at
    return None


def _nearest_line(lines: list[str], wanted: list[str]) -> int | None:
    """Where the most telling line of the wanted ones would stand, less its place among them."""
    place, key = max(enumerate(wanted), key=lambda pair: len(pair[1].strip()))
    key = key.strip()[:_MAX_COMPARED_CHARS]
    matcher = difflib.SequenceMatcher(autojunk=False)
    matcher.set_seq2(key)
    best, best_ratio = None, _LIKE_ENOUGH
    for at, line in enumerate(lines[:MAX_LINES_COMPARED]):
        matcher.set_seq1(line.strip()[:_MAX_COMPARED_CHARS])
        if matcher.real_quick_ratio() < best_ratio or matcher.quick_ratio() < best_ratio:
            continue
        ratio = matcher.ratio()
        if ratio > best_ratio or (best is None and ratio >= best_ratio):
            best, best_ratio = at, ratio
    return None if best is None else max(0, best - place)


def _quote(lines: list[str], at: int, count: int) -> str:
    first = max(0, at - CONTEXT_LINES)
    last = min(len(lines), at + min(count, MAX_LISTED) + CONTEXT_LINES)
    return "\n".join(
        f"{number + 1}: {lines[number][:_MAX_COMPARED_CHARS]}" for number in range(first, last)
    )


EDIT_FILE = Tool(
    name="editFile",
    description=(
        "Replace one exact piece of text in a file. oldString must match the file character by "
        "character, indentation included, and occur exactly once, unless replaceAll is set."
    ),
    arguments=EditFile,
    touches=lambda arguments: Touches(writes=frozenset({confine(arguments.path)})),
    run=edit_file,
)
