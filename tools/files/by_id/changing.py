"""updateFile, createFiles, createFolder, renameFile and deleteFiles, by ids."""

from core.errors import Refused
from tools.files.by_id.arguments import CreateFiles, CreateFolder, DeleteFiles, Rename, UpdateFile
from tools.files.by_id.ids import BadId, child, entry_of, is_there, refuse_parent, touched
from tools.files.change import DeleteFile, RenameFile, delete_file, rename_file
from tools.files.write import WriteFile, write_file
from tools.output import ToolOutput
from tools.place import Place, Touches
from tools.text import sha256_of
from tools.tool import Tool
from tools.workspace.paths import confine, name_of, parent_of
from tools.workspace.port import NoSuchFile


async def update_file(arguments: UpdateFile, place: Place) -> ToolOutput:
    """Replace the content of a file that exists and that this run has read."""
    entry = await entry_of(arguments.file_id, place)
    if entry.kind == "folder":
        raise BadId(
            f'Error: "{arguments.file_id}" is a folder, not a file. You can only update file '
            "contents."
        )
    output = await write_file(WriteFile(path=entry.path, content=arguments.content), place)
    if output.is_error:
        return ToolOutput(
            f"Error: {entry.path} was not replaced, because you have not read it. Read it with "
            "readFiles first.",
            is_error=True,
        )
    return ToolOutput(f'File "{name_of(entry.path)}" updated successfully')


async def create_files(arguments: CreateFiles, place: Place) -> ToolOutput:
    """Create those that can be; an error only if none can."""
    await refuse_parent(arguments.parent_id, place)
    made: list[str] = []
    failed: list[str] = []
    for file in arguments.files:
        try:
            path = child(arguments.parent_id, file.name)
            await place.files.write(path, file.content.encode(), expected_sha256="")
        except Refused as refused:
            is_taken = await is_there(arguments.parent_id, file.name, place)
            failed.append(f"{file.name} ({'File already exists' if is_taken else refused})")
        else:
            made.append(file.name)
            place.seen[path] = sha256_of(file.content.encode())
    text = f"Created {len(made)} file(s): {', '.join(made)}" if made else "Created 0 file(s)"
    if failed:
        text += f". Failed: {', '.join(failed)}"
    return ToolOutput(text, is_error=not made)


async def create_folder(arguments: CreateFolder, place: Place) -> ToolOutput:
    """Create a folder in one that exists."""
    await refuse_parent(arguments.parent_id, place)
    path = child(arguments.parent_id, arguments.name)
    if await is_there(arguments.parent_id, arguments.name, place):
        raise BadId("Error creating folder: Folder already exists")
    await place.files.make_folder(path)
    return ToolOutput(f"Folder created with ID: {path}")


async def rename_by_id(arguments: Rename, place: Place) -> ToolOutput:
    """Give a file or folder another name where it is."""
    entry = await entry_of(arguments.file_id, place)
    target = child(parent_of(entry.path), arguments.new_name)
    await rename_file(RenameFile.model_validate({"path": entry.path, "newPath": target}), place)
    return ToolOutput(
        f'Renamed "{name_of(entry.path)}" to "{name_of(target)}" successfully. Its ID is now '
        f'"{target}".'
    )


async def delete_files(arguments: DeleteFiles, place: Place) -> ToolOutput:
    """Delete all of them, or none if one of the ids is wrong."""
    entries = [await entry_of(file_id, place) for file_id in arguments.file_ids]
    lines: list[str] = []
    for entry in entries:
        try:
            await delete_file(DeleteFile(path=entry.path), place)
        except NoSuchFile:  # it was in a folder that is gone already
            continue
        lines.append(f'Deleted {entry.kind} "{name_of(entry.path)}" successfully')
    return ToolOutput("\n".join(lines))


UPDATE_FILE = Tool(
    name="updateFile",
    description="Replace the whole content of a file that you have read.",
    arguments=UpdateFile,
    touches=lambda arguments: Touches(writes=touched([arguments.file_id])),
    run=update_file,
)

CREATE_FILES = Tool(
    name="createFiles",
    description="Create files in one folder. Files that exist already are not replaced.",
    arguments=CreateFiles,
    touches=lambda arguments: Touches(
        writes=frozenset(child(arguments.parent_id, file.name) for file in arguments.files)
    ),
    run=create_files,
)

CREATE_FOLDER_BY_ID = Tool(
    name="createFolder",
    description="Create a folder. Its ID is returned, to create files in it.",
    arguments=CreateFolder,
    touches=lambda arguments: Touches(
        writes=frozenset({child(arguments.parent_id, arguments.name)})
    ),
    run=create_folder,
)

RENAME_FILE_BY_ID = Tool(
    name="renameFile",
    description="Rename a file or folder. Its ID changes; the new one is returned.",
    arguments=Rename,
    touches=lambda arguments: Touches(
        writes=frozenset(
            {
                confine(arguments.file_id),
                child(parent_of(confine(arguments.file_id)), arguments.new_name),
            }
        )
    ),
    run=rename_by_id,
)

DELETE_FILES = Tool(
    name="deleteFiles",
    description="Delete files, and folders with everything in them.",
    arguments=DeleteFiles,
    touches=lambda arguments: Touches(writes=touched(arguments.file_ids)),
    run=delete_files,
)
