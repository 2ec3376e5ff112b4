"""listFiles: what there is in a folder, without reading it."""

from typing import Annotated

from pydantic import Field

from tools.arguments import Arguments
from tools.output import ToolOutput
from tools.place import Place, Touches
from tools.tool import Tool
from tools.workspace.paths import MAX_PATH_CHARS, ROOT, confine_folder, name_of
from tools.workspace.port import Entry, NoSuchFile

MAX_LISTED = 1_000  # paths; about 10,000 tokens

EMPTY_PROJECT = "Project has no files yet."


class ListFiles(Arguments):
    """Arguments of listFiles."""

    path: Annotated[
        str,
        Field(max_length=MAX_PATH_CHARS, description="A folder; leave it out for the project."),
    ] = ""


async def list_files(arguments: ListFiles, place: Place) -> ToolOutput:
    """The direct children of a folder, folders first."""
    path = confine_folder(arguments.path)
    try:
        entries = await place.files.list_folder(path)
    except NoSuchFile:
        return ToolOutput(text=f"Folder not found: {path}", is_error=True)
    if not entries:
        return ToolOutput(text=EMPTY_PROJECT if path == ROOT else f"Directory is empty: {path}")
    return ToolOutput(text=_listed([f"[{entry.kind}] {label_of(entry)}" for entry in entries]))


def label_of(entry: Entry) -> str:
    """Its name; of a link, also where it leads."""
    name = name_of(entry.path)
    return f"{name} -> {_target(entry)}" if entry.kind == "link" else name


def _target(entry: Entry) -> str:
    """The target of a link; one that is odd is shown as a literal."""
    return entry.target if entry.target.isprintable() else repr(entry.target)


def _listed(lines: list[str]) -> str:
    if len(lines) <= MAX_LISTED:
        return "\n".join(lines)
    remark = (
        f"[{len(lines) - MAX_LISTED:,} more are not shown; list single folders with listFiles.]"
    )
    return "\n".join([*lines[:MAX_LISTED], remark])


LIST_FILES = Tool(
    name="listFiles",
    description="List what is directly in a folder, or in the project when no path is given.",
    arguments=ListFiles,
    touches=lambda arguments: Touches(reads=frozenset({confine_folder(arguments.path)})),
    run=list_files,
)
