"""deleteFile, renameFile and createFolder: where files are, not what is in them."""

from typing import Annotated

from pydantic import Field

from tools.arguments import Arguments, FilePath
from tools.output import ToolOutput
from tools.place import Place, Touches
from tools.text import sha256_of
from tools.tool import Tool
from tools.workspace.paths import MAX_PATH_CHARS, confine, is_within
from tools.workspace.port import Changed, NoSuchFile, RelPath


class DeleteFile(Arguments):
    """Arguments of deleteFile."""

    path: FilePath


class RenameFile(Arguments):
    """Arguments of renameFile."""

    path: FilePath
    new_path: Annotated[
        str,
        Field(
            alias="newPath",
            min_length=1,
            max_length=MAX_PATH_CHARS,
            description="Where it shall be, relative to the project; its folders are made.",
        ),
    ]


class CreateFolder(Arguments):
    """Arguments of createFolder."""

    path: FilePath


async def delete_file(arguments: DeleteFile, place: Place) -> ToolOutput:
    """Delete; a file that this run has read must still be what it read."""
    path = confine(arguments.path)
    if path in place.seen:
        data = await place.files.read(path)
        if sha256_of(data) != place.seen[path]:
            raise Changed(path)
    await place.files.delete(path)
    for known in _known_below(place, path):
        del place.seen[known]
    return ToolOutput(text=f"Successfully deleted {path}")


async def rename_file(arguments: RenameFile, place: Place) -> ToolOutput:
    """Move; what was known of the files stays known under the new path."""
    source, target = confine(arguments.path), confine(arguments.new_path)
    await place.files.rename(source, target)
    for known in _known_below(place, source):
        place.seen[RelPath(target + known[len(source) :])] = place.seen.pop(known)
    return ToolOutput(text=f"Successfully renamed {source} to {target}")


async def create_folder(arguments: CreateFolder, place: Place) -> ToolOutput:
    """Make a folder that stays though nothing is in it."""
    path = confine(arguments.path)
    try:
        await place.files.list_folder(path)
    except NoSuchFile:
        await place.files.make_folder(path)
        return ToolOutput(text=f"Successfully created folder {path}")
    return ToolOutput(text=f"Folder exists already: {path}")


def _known_below(place: Place, path: RelPath) -> list[RelPath]:
    return [known for known in place.seen if is_within(known, path)]


DELETE_FILE = Tool(
    name="deleteFile",
    description="Delete a file, or a folder with everything in it.",
    arguments=DeleteFile,
    touches=lambda arguments: Touches(writes=frozenset({confine(arguments.path)})),
    run=delete_file,
)

RENAME_FILE = Tool(
    name="renameFile",
    description="Rename or move a file or folder. Nothing may stand at the new path.",
    arguments=RenameFile,
    touches=lambda arguments: Touches(
        writes=frozenset({confine(arguments.path), confine(arguments.new_path)})
    ),
    run=rename_file,
)

CREATE_FOLDER = Tool(
    name="createFolder",
    description="Create an empty folder. Writing a file makes its folders by itself.",
    arguments=CreateFolder,
    touches=lambda arguments: Touches(writes=frozenset({confine(arguments.path)})),
    run=create_folder,
)
