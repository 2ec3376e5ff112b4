"""Routes of a person's account as a whole: what it takes, its export, its deletion."""

from typing import Annotated, Literal

from fastapi import Query
from fastapi.responses import StreamingResponse
from pydantic import Field

from app.http.access import CallerDep, ServicesDep, api_router
from app.http.archives import ARCHIVE_TYPES
from app.http.errors import InvalidRequest
from app.wire.shapes import Answer, Body, Millis

router = api_router("account")

CONFIRMATION = "delete my account"


class AccountAnswer(Answer):
    """What an account takes, and whether it is being deleted."""

    owner_id: str
    storage_bytes: int = Field(description="What the files of all projects take.")
    storage_limit_bytes: int | None = Field(None, description="Missing where there is no limit.")
    deletion_requested_at: Millis | None = Field(
        None, description="It is being deleted, and nothing of it can begin."
    )


class AccountDeletion(Body):
    """The deletion of everything."""

    confirm: str = Field(max_length=200, description=f"Exactly: {CONFIRMATION}")


@router.get("/account", response_model_exclude_none=True)
async def get_account(services: ServicesDep, caller: CallerDep) -> AccountAnswer:
    """The caller's account. After a deletion: an empty one, like that of somebody new."""
    about = await services.account.about(owner=caller.owner)
    return AccountAnswer(
        owner_id=caller.owner,
        storage_bytes=about.storage_bytes,
        storage_limit_bytes=about.storage_limit_bytes,
        deletion_requested_at=about.deletion_requested_at,
    )


@router.get(
    "/account/export",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "The archive. It is cut off, with the connection, if a read fails.",
            "content": {kind: {} for kind in ARCHIVE_TYPES.values()},
        }
    },
)
async def export_account(
    services: ServicesDep,
    caller: CallerDep,
    form: Annotated[Literal["zip", "tar.gz"], Query(alias="format")] = "zip",
) -> StreamingResponse:
    """All that is the caller's: projects, conversations, usage, settings. README.txt says how."""
    pieces = services.account.export(owner=caller.owner, form=form)
    headers = {"Content-Disposition": f'attachment; filename="polaris-account.{form}"'}
    return StreamingResponse(pieces, media_type=ARCHIVE_TYPES[form], headers=headers)


@router.delete("/account", status_code=202, response_model_exclude_none=True)
async def delete_account(
    body: AccountDeletion, services: ServicesDep, caller: CallerDep
) -> AccountAnswer:
    """Delete all that is the caller's, wherever it is kept. It cannot be undone.

    What runs is stopped and everything is out of sight within moments; a durable job does the rest.
    Until it is done, `GET /api/account` says when it was asked for, and nothing can begin.
    """
    if body.confirm != CONFIRMATION:
        raise InvalidRequest(f"Nothing was deleted: confirm with {CONFIRMATION!r}", field="confirm")
    projects = [each async for each in services.account.projects(owner=caller.owner)]
    await services.account.delete(owner=caller.owner)
    for project_id in projects:
        services.terminals.end_project(project_id)
        services.editing.end_project(project_id)
        services.previews.end_project(project_id)
    return await get_account(services, caller)
