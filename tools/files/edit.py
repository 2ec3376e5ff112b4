"""editFile: replace a text in a file; when it does not match, say what is there instead."""

import asyncio
from itertools import islice
from typing import Annotated

from pydantic import Field

from tools.arguments import MAX_CONTENT_CHARS, Arguments, FilePath
from tools.files.matching import occurrences
from tools.files.replacing import MAX_PLACES, Replacement, replaced, text_of
from tools.output import ToolOutput
from tools.place import Place, Touches
from tools.text import TextFile, sha256_of
from tools.tool import Tool
from tools.workspace.paths import confine
from tools.workspace.port import MAX_FILE_BYTES, Changed

MAX_CANDIDATES = 10  # of places where an edit may have been made before


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


async def edit_file(arguments: EditFile, place: Place) -> ToolOutput:
    """Replace; every byte outside the match stays as it is."""
    path = confine(arguments.path)
    wanted = Replacement.of(
        arguments.old_string, arguments.new_string, is_for_all=arguments.replace_all
    )
    data, file = await text_of(path, place)
    base = place.seen.get(path, sha256_of(data))
    if base != sha256_of(data):
        if not await asyncio.to_thread(_was_done_before, file, base, wanted):
            raise Changed(path)
        place.seen[path] = sha256_of(data)
        return ToolOutput(text=f"Successfully edited {path}")
    edited = await asyncio.to_thread(replaced, path, file, wanted)
    await place.files.write(path, edited.data, expected_sha256=base)
    place.seen[path] = sha256_of(edited.data)
    return ToolOutput(text=f"Successfully edited {path}{edited.remark}")


def _was_done_before(file: TextFile, base_sha256: str, wanted: Replacement) -> bool:
    """Whether taking this very edit back gives what the run last saw.

    So it is when the process died after the write and before the result was recorded. What the run
    saw was no larger than a tool may read.
    """
    if not wanted.new:
        return False
    places = occurrences(file.text, wanted.new)
    candidates = [[span] for span in islice(places, MAX_CANDIDATES)]
    if file.text.count(wanted.new) <= MAX_PLACES:
        candidates.append(list(occurrences(file.text, wanted.new)))
    return any(
        file.size_with_spans(spans, wanted.old) <= MAX_FILE_BYTES
        and sha256_of(file.with_spans(spans, wanted.old)) == base_sha256
        for spans in candidates
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
