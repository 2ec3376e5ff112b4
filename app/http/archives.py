"""Routes of archives: a zip or tar.gz becomes a project, a project an archive."""

import re
from typing import Annotated, Literal

from fastapi import Query, Request
from fastapi.responses import StreamingResponse

from app.http.access import AccessDep, CallerDep, ServicesDep, api_router
from app.http.errors import InvalidRequest
from app.http.github.wire import StartedAnswer
from app.http.parameters import IdempotencyKey
from app.wire.shapes import Name
from core.ids import ProjectId

router = api_router("archives")

ARCHIVE_TYPES = {"zip": "application/zip", "tar.gz": "application/gzip"}
_BINARY = {"schema": {"type": "string", "format": "binary"}}


@router.post(
    "/projects/import",
    response_model_exclude_none=True,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": dict.fromkeys(
                (*ARCHIVE_TYPES.values(), "application/octet-stream"), _BINARY
            ),
        }
    },
)
async def import_archive(
    request: Request,
    access: AccessDep,
    name: Annotated[Name, Query(description="Of the project.", examples=["my-shop"])],
    key: IdempotencyKey = None,
) -> StartedAnswer:
    """Make a project of an archive, which is the body: at once, while a durable job unpacks it.

    A folder that holds everything is left away. What cannot come in is reported on the transfer.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in {"application/json", "multipart/form-data"}:
        raise InvalidRequest("The body is the archive itself (zip or tar.gz)", field="body")
    started = await access.services.transfers.import_archive(
        request.stream(), owner=access.caller.owner, name=name, key=key
    )
    return StartedAnswer.model_validate(started)


@router.get(
    "/projects/{project_id}/archive",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "The archive. It is cut off, with the connection, if a read fails.",
            "content": dict.fromkeys(ARCHIVE_TYPES.values(), _BINARY),
        }
    },
)
async def get_archive(
    project_id: ProjectId,
    services: ServicesDep,
    caller: CallerDep,
    form: Annotated[Literal["zip", "tar.gz"], Query(alias="format")] = "zip",
) -> StreamingResponse:
    """All files of a project, with their modes and links. The same files give the same bytes."""
    name, pieces = await services.transfers.archive(project_id, owner=caller.owner, form=form)
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "project"
    headers = {"Content-Disposition": f'attachment; filename="{plain[:100]}.{form}"'}
    return StreamingResponse(pieces, media_type=ARCHIVE_TYPES[form], headers=headers)
