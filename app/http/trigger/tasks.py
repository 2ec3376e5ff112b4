"""Triggering tasks."""

from typing import Annotated

from fastapi import Path

from app.http.access import AccessDep
from app.http.trigger.access import trigger_router
from app.http.trigger.wire import RunHandle, TriggerBody

router = trigger_router()

TaskId = Annotated[str, Path(max_length=200)]


@router.post("/v1/tasks/{task_id}/trigger")
async def trigger_task(task_id: TaskId, body: TriggerBody, access: AccessDep) -> RunHandle:
    """Trigger a task: now, or once `options.delay` is over.

    An `idempotencyKey` that stands for a run gives that run; with another payload it is a 409.
    Of the options, `machine`, `queue`, `maxAttempts`, `maxDuration`, `priority`, `region`, `ttl`
    and `version` change nothing: our jobs have their own.
    """
    services = access.services
    wanted = body.wanted(task_id, services.clock.now())
    done = await services.triggering.trigger(wanted, owner=access.caller.owner)
    return RunHandle(id=done.run_id, isCached=done.is_cached)
