"""Routes of files: a project's tree, and files by path."""

from typing import Annotated

from fastapi import Path, Query, Request, Response

from app.http.access import CONFLICT, AccessDep, CallerDep, ServicesDep, api_router
from app.http.errors import InvalidRequest
from app.http.files.content import as_json, content_of, mode_of
from app.http.files.wire import (
    PATH_LIMIT_CHARS,
    FileAnswer,
    FileBody,
    FileContentAnswer,
    FilePage,
    NewEntry,
    Rename,
)
from app.http.parameters import Cursor
from app.wire.shapes import Success
from core.errors import NotFound
from core.ids import ProjectId
from core.text import storable_text

router = api_router("files")

FilePath = Annotated[
    str,
    Path(
        max_length=PATH_LIMIT_CHARS,
        description="Relative, `/`-separated.",
        examples=["src/index.ts"],
    ),
]

ExpectedHash = Annotated[
    str | None,
    Query(
        alias="expectedSha256",
        pattern=r"^([0-9a-f]{64})?$",
        description='Refuse (409) unless the file has this hash; "" = unless nothing is there.',
    ),
]

ExecutableQuery = Annotated[
    bool | None,
    Query(description="Whether the file may be executed; a JSON body may say it, too."),
]


@router.get("/projects/{project_id}/files", response_model_exclude_none=True)
async def list_files(
    project_id: ProjectId,
    services: ServicesDep,
    caller: CallerDep,
    limit: Annotated[int, Query(ge=1, le=1000)] = 500,
    cursor: Cursor = None,
) -> FilePage:
    """Files and folders of the whole project, by path, without their content."""
    page = await services.store.files.list(
        project_id, owner=caller.owner, limit=limit, cursor=cursor
    )
    items = tuple(FileAnswer.model_validate(row) for row in page.items)
    return FilePage(files=items, next_cursor=page.next_cursor)


@router.post(
    "/projects/{project_id}/files",
    status_code=201,
    response_model_exclude_none=True,
    responses=CONFLICT,
)
async def create_entry(
    project_id: ProjectId, body: NewEntry, services: ServicesDep, caller: CallerDep
) -> FileAnswer:
    """Make a file where nothing stands, or a folder; parent folders appear by themselves."""
    files = services.store.files
    path = await _path_of(project_id, body, services, caller)
    if body.type == "folder":
        if body.content is not None:
            raise InvalidRequest("content: a folder has none", field="content")
        if body.executable is not None:
            raise InvalidRequest("executable: a folder is not", field="executable")
        entry = await files.make_folder(project_id, path, owner=caller.owner)
    else:
        data = (body.content or "").encode()
        entry = await files.write(
            project_id,
            path,
            data,
            owner=caller.owner,
            expected_sha256="",
            mode=mode_of(body.executable),
        )
    return FileAnswer.model_validate(entry)


@router.post(
    "/projects/{project_id}/files/rename", response_model_exclude_none=True, responses=CONFLICT
)
async def rename_file(
    project_id: ProjectId, body: Rename, services: ServicesDep, caller: CallerDep
) -> FileAnswer:
    """Move a file, or a folder with all that is in it."""
    entry = await services.store.files.rename(
        project_id, body.path, body.new_path, owner=caller.owner
    )
    return FileAnswer.model_validate(entry)


@router.get(
    "/projects/{project_id}/files/{path:path}",
    response_class=Response,
    responses={
        **CONFLICT,
        200: {
            "description": "The bytes; with `Accept: application/json` the file with its content.",
            "model": FileContentAnswer,
            "content": {"application/octet-stream": {}, "text/plain": {}},
        },
        304: {"description": "The client's copy (If-None-Match) is the file."},
    },
)
async def read_file(
    project_id: ProjectId,
    path: FilePath,
    request: Request,
    services: ServicesDep,
    caller: CallerDep,
) -> Response:
    """A file: its bytes, or as JSON when the client asks for that. The ETag is its SHA-256."""
    file = await services.store.files.read(project_id, path, owner=caller.owner)
    headers = {"ETag": f'"{file.entry.sha256}"', "Vary": "Accept"}
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    text = storable_text(file.data)
    if "application/json" in request.headers.get("accept", ""):
        return Response(as_json(file, text), media_type="application/json", headers=headers)
    kind = "application/octet-stream" if text is None else "text/plain"
    headers["Content-Disposition"] = "attachment"  # a page of a project never runs on our origin
    return Response(file.data, media_type=kind, headers=headers)


@router.put(
    "/projects/{project_id}/files/{path:path}",
    response_model_exclude_none=True,
    responses=CONFLICT,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": FileBody.model_json_schema()},
                "*/*": {"schema": {"type": "string", "format": "binary"}},
            },
        }
    },
)
async def write_file(  # noqa: PLR0913, PLR0917 - FastAPI reads them from the signature
    project_id: ProjectId,
    path: FilePath,
    request: Request,
    access: AccessDep,
    expected_sha256: ExpectedHash = None,
    executable: ExecutableQuery = None,
) -> FileAnswer:
    """Create or replace a file. A JSON body holds the content, any other body is the content.

    A file that is executable stays so unless `executable` is false; a symbolic link is replaced by
    a file.
    """
    body = await request.body()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    data = body
    if kind == "application/json":
        data, said = content_of(body)
        executable = executable if said is None else said
    entry = await access.services.store.files.write(
        project_id,
        path,
        data,
        owner=access.caller.owner,
        expected_sha256=expected_sha256,
        mode=mode_of(executable),
    )
    return FileAnswer.model_validate(entry)


@router.delete("/projects/{project_id}/files/{path:path}")
async def delete_file(
    project_id: ProjectId, path: FilePath, services: ServicesDep, caller: CallerDep
) -> Success:
    """Remove a file, or a folder with all that is in it."""
    if not await services.store.files.delete(project_id, path, owner=caller.owner):
        raise NotFound("File not found")
    return Success()


async def _path_of(
    project_id: ProjectId, body: NewEntry, services: ServicesDep, caller: CallerDep
) -> str:
    """Where a new entry goes, said by its path or by its name and folder."""
    if (body.path is None) == (body.name is None):
        raise InvalidRequest("Give either path or name", field="path")
    if body.path is not None and body.parent_id is not None:
        raise InvalidRequest("parentId: a path says the folder already", field="parentId")
    if body.parent_id is None:
        return body.path or body.name or ""
    parent = await services.store.entries.get(body.parent_id, owner=caller.owner)
    if parent.project_id != project_id or parent.kind != "folder":
        raise NotFound("File not found")
    return f"{parent.path}/{body.name}"
