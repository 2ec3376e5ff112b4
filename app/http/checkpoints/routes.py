"""Routes of checkpoints: list, look at one, restore, accept and reject hunks."""

from typing import Annotated

from fastapi import Query

from app.http.access import CONFLICT, AccessDep, CallerDep, ServicesDep, api_router
from app.http.checkpoints.wire import (
    CheckpointAnswer,
    CheckpointDetailAnswer,
    CheckpointPage,
    JudgedHunks,
    RestoredAnswer,
    ReviewedAnswer,
    ReviewedFileAnswer,
    restored_answer,
)
from app.http.errors import InvalidRequest
from app.http.parameters import Cursor, IdempotencyKey
from core.ids import CheckpointId, ProjectId
from store.records import Verdicts

router = api_router("checkpoints")


@router.get("/projects/{project_id}/checkpoints", response_model_exclude_none=True)
async def list_checkpoints(
    project_id: ProjectId,
    services: ServicesDep,
    caller: CallerDep,
    limit: Annotated[int, Query(ge=1, le=50)] = 20,
    cursor: Cursor = None,
) -> CheckpointPage:
    """What was changed by turns, restores and rejections, newest first."""
    page = await services.store.checkpoints.list(
        project_id, owner=caller.owner, limit=limit, cursor=cursor
    )
    items = tuple(CheckpointAnswer.model_validate(row) for row in page.items)
    return CheckpointPage(checkpoints=items, next_cursor=page.next_cursor)


@router.get("/projects/{project_id}/checkpoints/{checkpoint_id}", response_model_exclude_none=True)
async def get_checkpoint(
    project_id: ProjectId,
    checkpoint_id: CheckpointId,
    access: AccessDep,
    limit: Annotated[int, Query(ge=1, le=100, description="Files in a page.")] = 20,
    cursor: Cursor = None,
) -> CheckpointDetailAnswer:
    """One checkpoint with the diffs of its files, in hunks."""
    found = await access.services.store.checkpoints.get(
        project_id, checkpoint_id, owner=access.caller.owner, limit=limit, cursor=cursor
    )
    return CheckpointDetailAnswer(
        checkpoint=CheckpointAnswer.model_validate(found.checkpoint),
        files=tuple(ReviewedFileAnswer.model_validate(row) for row in found.files.items),
        next_cursor=found.files.next_cursor,
    )


@router.post("/projects/{project_id}/checkpoints/{checkpoint_id}/restore", responses=CONFLICT)
async def restore_checkpoint(
    project_id: ProjectId,
    checkpoint_id: CheckpointId,
    services: ServicesDep,
    caller: CallerDep,
    key: IdempotencyKey = None,
) -> RestoredAnswer:
    """Bring files back to what they were before the checkpoint, merged with what others changed."""
    done = await services.store.checkpoints.restore(
        project_id, checkpoint_id, owner=caller.owner, key=key
    )
    return restored_answer(done)


@router.post(
    "/projects/{project_id}/checkpoints/{checkpoint_id}/hunks",
    response_model_exclude_none=True,
    responses=CONFLICT,
)
async def judge_hunks(
    project_id: ProjectId,
    checkpoint_id: CheckpointId,
    body: JudgedHunks,
    services: ServicesDep,
    caller: CallerDep,
) -> ReviewedAnswer:
    """Accept hunks, and take rejected ones out of the file as it is now: all of them or none."""
    if not body.accept and not body.reject:
        raise InvalidRequest("Nothing to judge: give accept or reject")
    reviewed = await services.store.checkpoints.review(
        project_id,
        checkpoint_id,
        Verdicts(body.path, accept=body.accept, reject=body.reject),
        owner=caller.owner,
    )
    return ReviewedAnswer.model_validate(reviewed)
