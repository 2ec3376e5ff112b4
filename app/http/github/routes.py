"""Routes of GitHub: import, cancel, how far it is, whether an account is connected."""

from app.http.access import CallerDep, ServicesDep, api_router
from app.http.errors import InvalidRequest
from app.http.github.wire import (
    CancelledAnswer,
    ConnectionAnswer,
    ImportBody,
    ProjectBody,
    StartedAnswer,
    TransferAnswer,
    TransfersAnswer,
)
from app.http.parameters import IdempotencyKey
from core.ids import ProjectId

router = api_router("github")


@router.post("/github/import", response_model_exclude_none=True)
async def import_repository(
    body: ImportBody, services: ServicesDep, caller: CallerDep, key: IdempotencyKey = None
) -> StartedAnswer:
    """Make a project of a repository: at once, while a durable job brings the files.

    A private repository needs a connected account.
    """
    url = body.url if body.url is not None else body.repo_url
    if url is None or (body.url is not None and body.repo_url is not None):
        raise InvalidRequest("Give either url or repoUrl", field="url")
    started = await services.transfers.import_repository(
        url, owner=caller.owner, branch=body.branch, folder=body.folder, key=key
    )
    return StartedAnswer.model_validate(started)


@router.post("/github/import/cancel", response_model_exclude_none=True)
async def cancel_import(
    body: ProjectBody, services: ServicesDep, caller: CallerDep
) -> CancelledAnswer:
    """Stop the import of a project; the files that it has brought are removed."""
    stopped, event_id = await services.transfers.cancel(
        body.project_id, owner=caller.owner, kind="import"
    )
    return CancelledAnswer(project_id=body.project_id, cancelled=bool(stopped), event_id=event_id)


@router.get("/github/status", response_model_exclude_none=True)
async def connection(services: ServicesDep, caller: CallerDep) -> ConnectionAnswer:
    """Whether the caller's GitHub account is connected, and its name."""
    return ConnectionAnswer.model_validate(await services.transfers.connection(caller.owner))


@router.get("/projects/{project_id}/transfers", response_model_exclude_none=True)
async def list_transfers(
    project_id: ProjectId, services: ServicesDep, caller: CallerDep
) -> TransfersAnswer:
    """The last imports and exports of a project: how far they are, and how they ended."""
    rows = await services.store.transfers.latest(project_id, owner=caller.owner)
    return TransfersAnswer(transfers=tuple(TransferAnswer.model_validate(row) for row in rows))
