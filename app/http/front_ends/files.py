"""Files by id, as front end T reads and writes them; its lists are bare arrays."""

from typing import Annotated

from fastapi import Query
from pydantic import Field

from app.http.access import CONFLICT, AccessDep, api_router
from app.http.errors import InvalidRequest
from app.http.files.content import with_content
from app.http.files.wire import FileAnswer, FileContentAnswer, FileText
from app.http.messages.wire import ID_LIMIT_CHARS
from app.wire.shapes import Answer, Body, Name, Success
from core.errors import NotFound
from core.ids import FileId, ProjectId
from core.text import storable_text

router = api_router("front ends")


class FilePatch(Body):
    """One of the two: what an editor shows, or another name in the same folder."""

    content: FileText | None = None
    new_name: Name | None = None
    expected_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = Field(
        None, description="Of the text that was read: another one is not overwritten (409)."
    )


class CrumbAnswer(Answer):
    """A folder on the way to a file, or the file."""

    file_id: Annotated[FileId, Field(serialization_alias="_id")]
    name: str


@router.get("/files/{file_id}", response_model_exclude_none=True)
async def get_file(file_id: FileId, access: AccessDep) -> FileContentAnswer:
    """A file with its content, or a folder."""
    store, owner = access.services.store, access.caller.owner
    entry = await store.entries.get(file_id, owner=owner)
    if entry.kind == "folder":
        return FileContentAnswer.model_validate(entry)
    file = await store.files.read(entry.project_id, entry.path, owner=owner)
    return with_content(file, storable_text(file.data))


@router.patch("/files/{file_id}", response_model_exclude_none=True, responses=CONFLICT)
async def change_file(file_id: FileId, body: FilePatch, access: AccessDep) -> FileAnswer:
    """Save what an editor shows, or rename.

    Without `expectedSha256` what others have written since is kept, as `files.updateFile` does.
    """
    store, owner = access.services.store, access.caller.owner
    if (body.content is None) == (body.new_name is None):
        raise InvalidRequest("Give either content or newName", field="content")
    if body.content is not None:
        entry = await store.entries.save(
            file_id, body.content, owner=owner, expected_sha256=body.expected_sha256
        )
        return FileAnswer.model_validate(entry)
    entry = await store.entries.get(file_id, owner=owner)
    if "/" in (body.new_name or ""):
        raise InvalidRequest("newName: a name has no slashes", field="newName")
    folder = entry.path.rpartition("/")[0]
    target = f"{folder}/{body.new_name}" if folder else str(body.new_name)
    renamed = await store.files.rename(entry.project_id, entry.path, target, owner=owner)
    return FileAnswer.model_validate(renamed)


@router.delete("/files/{file_id}")
async def delete_file(file_id: FileId, access: AccessDep) -> Success:
    """Remove a file, or a folder with all that is in it."""
    store, owner = access.services.store, access.caller.owner
    entry = await store.entries.get(file_id, owner=owner)
    if not await store.files.delete(entry.project_id, entry.path, owner=owner):
        raise NotFound("File not found")
    return Success()


@router.get("/files/{file_id}/path")
async def get_file_path(file_id: FileId, access: AccessDep) -> list[CrumbAnswer]:
    """The folders around a file and the file itself, root first."""
    way = await access.services.store.entries.way(file_id, owner=access.caller.owner)
    return [CrumbAnswer.model_validate(entry) for entry in way]


@router.get("/projects/{project_id}/folder-contents", response_model_exclude_none=True)
async def list_folder(
    project_id: ProjectId,
    access: AccessDep,
    parent: Annotated[FileId | None, Query(alias="parentId", max_length=ID_LIMIT_CHARS)] = None,
) -> list[FileAnswer]:
    """What stands directly in a folder, or at the root: folders first, then by name."""
    entries = await access.services.store.entries.folder(
        project_id, owner=access.caller.owner, parent=parent
    )
    return [FileAnswer.model_validate(entry) for entry in entries]
