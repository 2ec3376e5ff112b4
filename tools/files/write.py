"""writeFile: create a file or replace all of it, but never what nobody has looked at."""

from typing import Annotated

from pydantic import Field

from tools.arguments import MAX_CONTENT_CHARS, Arguments, FilePath
from tools.output import ToolOutput
from tools.place import Place, Touches
from tools.text import decode, sha256_of
from tools.tool import Tool
from tools.workspace.paths import confine
from tools.workspace.port import NoSuchFile


class WriteFile(Arguments):
    """Arguments of writeFile."""

    path: FilePath
    content: Annotated[
        str,
        Field(
            max_length=MAX_CONTENT_CHARS,
            description="The whole new content. Nothing of the old one is kept.",
        ),
    ]


async def write_file(arguments: WriteFile, place: Place) -> ToolOutput:
    """Write, if the file is new or is what this run last saw.

    A replaced text keeps its CRLF line ends and its BOM, because readFile does not show them.
    Writing what is there already succeeds without a look at what was seen: a call that ran before
    a crash and runs again finds its own work.
    """
    path = confine(arguments.path)
    try:
        old = await place.files.read(path)
    except NoSuchFile:
        old = None
    data = _in_style_of(old, arguments.content)
    if old != data:
        if old and path not in place.seen:
            return ToolOutput(
                text=(
                    f"{path} exists already ({len(old):,} bytes) and you have not read it, so it "
                    "was not replaced. Read it with readFile, or change parts of it with editFile."
                ),
                is_error=True,
            )
        unseen = sha256_of(old) if old == b"" else ""
        expected = place.seen.get(path, unseen)
        await place.files.write(path, data, expected_sha256=expected)
    place.seen[path] = sha256_of(data)
    return ToolOutput(text=f"Successfully wrote to {path}")


def _in_style_of(old: bytes | None, content: str) -> bytes:
    file = decode(old) if old else None
    return content.encode() if file is None else file.with_text(content)


WRITE_FILE = Tool(
    name="writeFile",
    description=(
        "Create a file, with its folders, or replace the whole content of one that you have read. "
        "Always give the complete content. For a change to part of a file use editFile."
    ),
    arguments=WriteFile,
    touches=lambda arguments: Touches(writes=frozenset({confine(arguments.path)})),
    run=write_file,
)
