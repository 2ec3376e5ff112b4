"""listFiles and getProjectStructure: what there is, without reading it."""

from typing import Annotated

from pydantic import Field

from tools.arguments import Arguments
from tools.output import ToolOutput
from tools.place import Place, Touches
from tools.tool import Tool
from tools.workspace.paths import MAX_PATH_CHARS, ROOT, confine_folder, name_of
from tools.workspace.port import NoSuchFile

MAX_LISTED = 1_000  # paths; about 10,000 tokens

BULKY = frozenset({"node_modules", ".venv", "__pycache__", ".next", ".turbo", ".cache"})
"""Folders of generated files: counted in the structure, not listed."""

EMPTY_PROJECT = "Project has no files yet."


class ListFiles(Arguments):
    """Arguments of listFiles."""

    path: Annotated[
        str,
        Field(max_length=MAX_PATH_CHARS, description="A folder; leave it out for the project."),
    ] = ""


class GetProjectStructure(Arguments):
    """getProjectStructure takes no arguments."""


async def list_files(arguments: ListFiles, place: Place) -> ToolOutput:
    """The direct children of a folder, folders first."""
    path = confine_folder(arguments.path)
    try:
        entries = await place.files.list_folder(path)
    except NoSuchFile:
        return ToolOutput(text=f"Folder not found: {path}", is_error=True)
    if not entries:
        return ToolOutput(text=EMPTY_PROJECT if path == ROOT else f"Directory is empty: {path}")
    return ToolOutput(text=_listed([f"[{entry.kind}] {name_of(entry.path)}" for entry in entries]))


async def get_project_structure(_: GetProjectStructure, place: Place) -> ToolOutput:
    """The paths of all files, sorted; bulky folders as one line with a count."""
    paths: list[str] = []
    bulky: dict[str, int] = {}
    for entry in await place.files.walk():
        if entry.kind == "folder":
            continue
        folder = _bulky_folder(entry.path)
        if folder is None:
            paths.append(entry.path)
        else:
            bulky[folder] = bulky.get(folder, 0) + 1
    lines = paths + [f"{folder}/ ({count:,} files, not listed)" for folder, count in bulky.items()]
    return ToolOutput(text=_listed(sorted(lines)) if lines else EMPTY_PROJECT)


def _bulky_folder(path: str) -> str | None:
    names = path.split("/")[:-1]
    for depth, name in enumerate(names):
        if name in BULKY:
            return "/".join(names[: depth + 1])
    return None


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

GET_PROJECT_STRUCTURE = Tool(
    name="getProjectStructure",
    description="List the paths of all files of the project. Start here if you do not know it.",
    arguments=GetProjectStructure,
    touches=lambda _: Touches(reads=frozenset({ROOT})),
    run=get_project_structure,
)
