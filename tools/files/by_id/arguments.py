"""What the tools that name files by ids are asked for."""

from typing import Annotated

from pydantic import Field

from tools.arguments import MAX_CONTENT_CHARS, Arguments
from tools.workspace.paths import MAX_PATH_CHARS

MAX_IDS = 50
MAX_FILES = 50

FileId = Annotated[str, Field(min_length=1, max_length=MAX_PATH_CHARS)]
FileIdHere = Annotated[
    str, Field(alias="fileId", min_length=1, max_length=MAX_PATH_CHARS, description="Its ID.")
]
FileIds = Annotated[
    list[FileId],
    Field(alias="fileIds", min_length=1, max_length=MAX_IDS, description="IDs from listFiles."),
]
ParentId = Annotated[
    str,
    Field(
        alias="parentId",
        max_length=MAX_PATH_CHARS,
        description='ID of the folder it shall be in; "" for the project.',
    ),
]
Name = Annotated[str, Field(min_length=1, max_length=255, description="Name, without a folder.")]
Content = Annotated[
    str, Field(max_length=MAX_CONTENT_CHARS, description="The whole content of the file.")
]


class ListFiles(Arguments):
    """listFiles takes no arguments."""


class ReadFiles(Arguments):
    """Arguments of readFiles."""

    file_ids: FileIds


class UpdateFile(Arguments):
    """Arguments of updateFile."""

    file_id: FileIdHere
    content: Content


class NewFile(Arguments):
    """One of the files of createFiles."""

    name: Name
    content: Content


class CreateFiles(Arguments):
    """Arguments of createFiles."""

    parent_id: ParentId
    files: Annotated[
        list[NewFile], Field(min_length=1, max_length=MAX_FILES, description="Files to create.")
    ]


class CreateFolder(Arguments):
    """Arguments of createFolder."""

    name: Name
    parent_id: ParentId = ""


class Rename(Arguments):
    """Arguments of renameFile."""

    file_id: FileIdHere
    new_name: Annotated[
        str, Field(alias="newName", min_length=1, max_length=255, description="The new name.")
    ]


class DeleteFiles(Arguments):
    """Arguments of deleteFiles."""

    file_ids: FileIds
