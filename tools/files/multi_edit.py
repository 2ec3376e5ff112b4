"""multiEdit: several replacements in one or more files, all of them or none."""

import asyncio
from typing import Annotated

from pydantic import Field

from core.errors import Refused
from tools.arguments import MAX_CONTENT_CHARS, Arguments
from tools.files.replacing import NoSuchText, Replacement, replaced, text_of
from tools.output import ToolOutput
from tools.place import Place, Touches
from tools.text import decode, sha256_of
from tools.tool import Tool
from tools.workspace.paths import MAX_PATH_CHARS, confine
from tools.workspace.port import Changed, RelPath

MAX_EDITS = 100


class OneEdit(Arguments):
    """One edit, as editFile takes it; it says there what the fields mean."""

    path: Annotated[str, Field(min_length=1, max_length=MAX_PATH_CHARS)]
    old_string: Annotated[str, Field(alias="oldString", max_length=MAX_CONTENT_CHARS)]
    new_string: Annotated[str, Field(alias="newString", max_length=MAX_CONTENT_CHARS)]
    replace_all: Annotated[bool, Field(alias="replaceAll")] = False


class MultiEdit(Arguments):
    """Arguments of multiEdit."""

    edits: Annotated[
        list[OneEdit],
        Field(
            min_length=1,
            max_length=MAX_EDITS,
            description="Made in this order, each on what those before it have left.",
        ),
    ]


class NotMade(Refused):
    """One of the edits cannot be made, so none was."""

    code = "edits_refused"


async def multi_edit(arguments: MultiEdit, place: Place) -> ToolOutput:
    """Make all edits in memory, then write each file once."""
    count = len(arguments.edits)
    before: dict[RelPath, str] = {}
    after: dict[RelPath, bytes] = {}
    lines: list[str] = []
    for number, edit in enumerate(arguments.edits, start=1):
        try:
            path = confine(edit.path)
            wanted = Replacement.of(edit.old_string, edit.new_string, is_for_all=edit.replace_all)
            is_first = path not in after
            if is_first:
                after[path] = await _read(path, place)
                before[path] = sha256_of(after[path])
            file = decode(after[path])
            if file is None:
                raise NoSuchText(f"{path} is not text any more after the edits before this one.")
            made = await asyncio.to_thread(replaced, path, file, wanted)
        except Refused as refused:
            earlier = "" if number == 1 else "; the edits before it were not made either"
            raise NotMade(f"Edit {number} of {count} cannot be made{earlier}. {refused}") from None
        after[path] = made.data
        if made.remark:
            lines.append(f"Edit {number}, {path}{made.remark}")
    for path, data in after.items():
        await place.files.write(path, data, expected_sha256=before[path])
    for path, data in after.items():
        place.seen[path] = sha256_of(data)
    edits = "1 edit" if count == 1 else f"{count} edits"
    said = f"Successfully made {edits} in {', '.join(after)}"
    return ToolOutput(text="\n".join([said, *lines]))


async def _read(path: RelPath, place: Place) -> bytes:
    """The file, if it is what this run last saw. Raises: Changed, NoSuchText, NoSuchFileHere."""
    data, _ = await text_of(path, place)
    if place.seen.get(path, sha256_of(data)) != sha256_of(data):
        raise Changed(path)
    return data


MULTI_EDIT = Tool(
    name="multiEdit",
    description=(
        "Make several edits, in one file or in several, as editFile would: all of them, or none "
        "if one cannot be made."
    ),
    arguments=MultiEdit,
    touches=lambda arguments: Touches(
        writes=frozenset(confine(edit.path) for edit in arguments.edits)
    ),
    run=multi_edit,
)
