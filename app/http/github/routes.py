"""Routes of GitHub: import, export, pull, pull request, and how far they are."""

from app.http.access import CONFLICT, CallerDep, ServicesDep, api_router
from app.http.errors import InvalidRequest
from app.http.github.wire import (
    CancelledAnswer,
    ConnectionAnswer,
    ExportBody,
    ImportBody,
    ProjectBody,
    PullRequestBody,
    ResetAnswer,
    StartedAnswer,
    TransferAnswer,
    TransfersAnswer,
)
from app.http.parameters import IdempotencyKey
from app.services.transfers import Signed
from core.ids import ProjectId
from store.records import TransferKind

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
    return await _cancelled(body, services, caller, "import")


@router.post("/github/export", response_model_exclude_none=True, responses=CONFLICT)
async def export_project(
    body: ExportBody, services: ServicesDep, caller: CallerDep, key: IdempotencyKey = None
) -> StartedAnswer:
    """Bring a project to GitHub as one commit: at once, while a durable job pushes.

    With `repoName` a repository is made. With `repoUrl` the commit goes on top of what its branch
    has; nothing is overwritten, and what others push meanwhile stays.
    """
    if (body.repo_name is None) == (body.repo_url is None):
        raise InvalidRequest("Give either repoName or repoUrl", field="repoName")
    is_new = body.repo_name is not None
    started = await services.transfers.export(
        body.project_id,
        owner=caller.owner,
        repository=body.repo_name or body.repo_url or "",
        message=body.commit_message or "",
        may_create=is_new or body.create_if_not_exists,
        must_create=is_new,
        is_private=body.visibility == "private" if is_new else body.is_private,
        description=body.description or body.repo_description or "",
        signed=Signed(body.author, body.committer, body.co_authors),
        key=key,
    )
    return StartedAnswer.model_validate(started)


@router.post("/github/export/cancel", response_model_exclude_none=True)
async def cancel_export(
    body: ProjectBody, services: ServicesDep, caller: CallerDep
) -> CancelledAnswer:
    """Stop the export of a project; a repository that it has made is left, and named."""
    return await _cancelled(body, services, caller, "export")


@router.post("/github/export/reset", responses=CONFLICT)
async def reset_export(body: ProjectBody, services: ServicesDep, caller: CallerDep) -> ResetAnswer:
    """Forget how the last export of a project ended, and where it went."""
    await services.store.transfers.reset_export(body.project_id, owner=caller.owner)
    return ResetAnswer(project_id=body.project_id)


@router.post("/github/pull", response_model_exclude_none=True, responses=CONFLICT)
async def pull(
    body: ProjectBody, services: ServicesDep, caller: CallerDep, key: IdempotencyKey = None
) -> StartedAnswer:
    """Bring what is new in a project's repository into the project: a durable job merges it.

    Where both have changed the same lines the file has both, between marks; what is no text stands
    beside it as `name.theirs`. The transfer lists them.
    """
    started = await services.transfers.pull(body.project_id, owner=caller.owner, key=key)
    return StartedAnswer.model_validate(started)


@router.post("/github/pull/cancel", response_model_exclude_none=True)
async def cancel_pull(
    body: ProjectBody, services: ServicesDep, caller: CallerDep
) -> CancelledAnswer:
    """Stop the pull of a project; what it has merged stays, and the next one goes on from there."""
    return await _cancelled(body, services, caller, "pull")


@router.post("/github/pull-request", response_model_exclude_none=True, responses=CONFLICT)
async def open_pull_request(
    body: PullRequestBody, services: ServicesDep, caller: CallerDep, key: IdempotencyKey = None
) -> StartedAnswer:
    """Push a project's changes to a branch and open a pull request: a durable job does both.

    An open pull request of the branch is found again. The transfer has its number and its page.
    """
    started = await services.transfers.pull_request(
        body.project_id,
        owner=caller.owner,
        words={
            "branch": body.branch or "",
            "title": body.title or "",
            "body": body.body or "",
            "message": body.commit_message or "",
        },
        signed=Signed(body.author, body.committer, body.co_authors),
        key=key,
    )
    return StartedAnswer.model_validate(started)


@router.post("/github/pull-request/cancel", response_model_exclude_none=True)
async def cancel_pull_request(
    body: ProjectBody, services: ServicesDep, caller: CallerDep
) -> CancelledAnswer:
    """Stop the pull request of a project; a branch that was pushed is left."""
    return await _cancelled(body, services, caller, "pullRequest")


@router.get("/github/status", response_model_exclude_none=True)
async def connection(services: ServicesDep, caller: CallerDep) -> ConnectionAnswer:
    """Whether the caller's GitHub account is connected, and its name."""
    return ConnectionAnswer.model_validate(await services.transfers.connection(caller.owner))


@router.get("/projects/{project_id}/transfers", response_model_exclude_none=True)
async def list_transfers(
    project_id: ProjectId, services: ServicesDep, caller: CallerDep
) -> TransfersAnswer:
    """The last transfers of a project: how far they are, and how they ended."""
    rows = await services.store.transfers.latest(project_id, owner=caller.owner)
    return TransfersAnswer(transfers=tuple(TransferAnswer.model_validate(row) for row in rows))


async def _cancelled(
    body: ProjectBody, services: ServicesDep, caller: CallerDep, kind: TransferKind
) -> CancelledAnswer:
    stopped, event_id = await services.transfers.cancel(
        body.project_id, owner=caller.owner, kind=kind
    )
    return CancelledAnswer(project_id=body.project_id, cancelled=bool(stopped), event_id=event_id)
