"""Routes of attachments: an image is uploaded for a message, and read by its owner."""

from typing import Annotated

from fastapi import Path, Query, Request, Response

from app.http.access import AccessDep, CallerDep, ServicesDep, api_router
from app.http.errors import InvalidRequest
from app.wire.shapes import Answer, Name
from core.errors import NotFound
from core.ids import AttachmentId, MessageId, ProjectId

router = api_router("attachments")

IMAGE_TYPES = ("image/png", "image/jpeg", "image/webp")
_BINARY = {"schema": {"type": "string", "format": "binary"}}


class UploadAnswer(Answer):
    """An image that messages of the project can name for a day."""

    attachment_id: AttachmentId
    media_type: str
    size_bytes: int
    width: int
    height: int
    name: str | None = None


@router.post(
    "/projects/{project_id}/attachments",
    status_code=201,
    response_model_exclude_none=True,
    openapi_extra={
        "requestBody": {"required": True, "content": dict.fromkeys(IMAGE_TYPES, _BINARY)}
    },
)
async def upload_attachment(
    project_id: ProjectId,
    request: Request,
    access: AccessDep,
    name: Annotated[Name | None, Query(description="Of the image.", examples=["a.png"])] = None,
) -> UploadAnswer:
    """Upload an image, which is the body: PNG, JPEG or WebP, at most 5 MiB.

    What it is is told by its bytes. What no message names within a day is deleted.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in {"application/json", "multipart/form-data"}:
        raise InvalidRequest("The body is the image itself (PNG, JPEG or WebP)", field="body")
    label = None if name is None else " ".join(name.split())
    upload = await access.services.attaching.upload(
        project_id, await request.body(), owner=access.caller.owner, name=label or None
    )
    return UploadAnswer.model_validate(upload)


@router.get(
    "/messages/{message_id}/attachments/{index}",
    response_class=Response,
    responses={200: {"description": "The image.", "content": dict.fromkeys(IMAGE_TYPES, _BINARY)}},
)
async def get_attachment(
    message_id: MessageId,
    index: Annotated[int, Path(ge=0, le=100, description="Its place, from 0.")],
    services: ServicesDep,
    caller: CallerDep,
) -> Response:
    """The bytes of an image that a message was sent with."""
    message = await services.store.messages.owned(message_id, owner=caller.owner)
    data = await services.store.attachments.read(message_id, index, owner=caller.owner)
    if data is None:
        raise NotFound("The message has no image at this place")
    attached = (message.attachments or ())[index]
    return Response(data, media_type=attached.media_type)
