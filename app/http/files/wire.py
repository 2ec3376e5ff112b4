"""Files: what goes in and comes out."""

from typing import Annotated, Literal

from pydantic import Field, computed_field

from app.wire.shapes import Answer, Body, Millis
from core.ids import FileId, ProjectId

PATH_LIMIT_CHARS = 1_024

PathText = Annotated[str, Field(min_length=1, max_length=PATH_LIMIT_CHARS)]
FileText = Annotated[str, Field(max_length=15 * 1024 * 1024)]  # as much as Convex takes at once
Executable = Annotated[
    bool | None,
    Field(description="Whether the file may be executed; not given: as before."),
]


class FileAnswer(Answer):
    """A file or folder, without its content."""

    file_id: FileId
    project_id: ProjectId
    path: str
    name: str
    kind: Annotated[Literal["file", "folder"], Field(serialization_alias="type")]
    size_bytes: Annotated[int, Field(serialization_alias="size")]
    version: int
    updated_at: Millis
    parent_id: FileId | None = None
    sha256: str | None = None
    mode: Annotated[Literal["executable", "symlink"] | None, Field(exclude=True)] = None

    @computed_field
    @property
    def executable(self) -> bool | None:
        """Whether it may be executed; there only if so."""
        return True if self.mode == "executable" else None

    @computed_field
    @property
    def symlink(self) -> bool | None:
        """Whether it is a symbolic link, whose content is its target; there only if so."""
        return True if self.mode == "symlink" else None

    @computed_field(alias="_id")
    @property
    def row_id(self) -> FileId:
        """The same id, under Convex's name."""
        return self.file_id


class FilePage(Answer):
    """Files and folders by path."""

    files: tuple[FileAnswer, ...]
    next_cursor: str | None = None


class FileContentAnswer(FileAnswer):
    """A file with its content: `content` when it is text, else `contentBase64`."""

    content: str | None = None
    content_base64: str | None = None


class FileBody(Body):
    """The content of a file: one of the two."""

    content: FileText | None = Field(None, examples=["export const answer = 42;\n"])
    content_base64: FileText | None = Field(
        None, description="For bytes that are not UTF-8 text, or hold a NUL."
    )
    executable: Executable = None


class NewEntry(Body):
    """A file or folder to make where nothing stands."""

    type: Literal["file", "folder"]
    path: Annotated[PathText, Field(examples=["src/index.ts"])] | None = None
    name: Annotated[PathText, Field(pattern=r"^[^/]+$")] | None = Field(
        None, description="In place of `path`: its name, in the folder `parentId` or at the root."
    )
    parent_id: Annotated[FileId, Field(max_length=64)] | None = None
    content: FileText | None = Field(None, description="Of a file; none means empty.")
    executable: Executable = None


class Rename(Body):
    """Where a file or folder moves."""

    path: Annotated[PathText, Field(examples=["src/old.ts"])]
    new_path: Annotated[PathText, Field(examples=["src/new.ts"])]
