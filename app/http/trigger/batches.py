"""Triggering many tasks: in one request, or as a stream of lines after the batch was made.

A batch is nothing but its id, which says how many items there are; each run knows its batch.
"""

import json
import re
from typing import Annotated, Any

from fastapi import Path, Request
from pydantic import BaseModel, Field, ValidationError

from app.http.access import AccessDep
from app.http.errors import InvalidRequest
from app.http.rates.limits import RateClass
from app.http.trigger.access import trigger_router
from app.http.trigger.tasks import TaskId
from app.http.trigger.wire import BatchItem, Theirs, TriggerBody
from app.services.clients.tasks import key_of, task_payload
from core.ids import new_id
from core.invalid import problem_text

router = trigger_router()

MAX_ITEMS = 500
_BATCH = re.compile(r"batch_(\d{1,4})_[A-Za-z0-9_]{1,80}")

Count = Annotated[int, Field(ge=1, le=MAX_ITEMS)]
BatchId = Annotated[str, Path(max_length=100)]


class BatchBody(Theirs):
    """Tasks to trigger."""

    items: Annotated[tuple[BatchItem, ...], Field(min_length=1, max_length=MAX_ITEMS)]


class OldBatchBody(Theirs):
    """Runs of one task to trigger."""

    items: Annotated[tuple[TriggerBody, ...], Field(min_length=1, max_length=MAX_ITEMS)]


class NewBatch(Theirs):
    """A batch whose items come as a stream."""

    run_count: Count
    idempotency_key: Annotated[str, Field(min_length=1, max_length=2_048)] | None = None


class BatchHandle(BaseModel):
    """A batch."""

    id: str
    runCount: int  # noqa: N815 - their name
    isCached: bool = False  # noqa: N815 - their name


class OldBatchHandle(BaseModel):
    """A batch and its runs."""

    batchId: str  # noqa: N815 - their name
    runs: list[str]


class StreamedItems(BaseModel):
    """How many items were new, and whether all are there."""

    id: str
    itemsAccepted: int  # noqa: N815 - their name
    itemsDeduplicated: int  # noqa: N815 - their name
    sealed: bool
    enqueuedCount: int  # noqa: N815 - their name
    expectedCount: int  # noqa: N815 - their name


@router.post("/v1/tasks/{task_id}/batch")
async def trigger_batch_of_task(
    task_id: TaskId, body: OldBatchBody, access: AccessDep
) -> OldBatchHandle:
    """Trigger a task several times (version 1 of their API)."""
    given = [
        BatchItem(task=task_id, payload=item.payload, options=item.options) for item in body.items
    ]
    batch_id = new_batch_id(len(given))
    runs = await _trigger(given, batch_id, access)
    return OldBatchHandle(batchId=batch_id, runs=[run_id for run_id, _ in runs])


@router.post("/v2/tasks/batch")
async def trigger_batch(body: BatchBody, access: AccessDep) -> BatchHandle:
    """Trigger several tasks (version 2 of their API)."""
    batch_id = new_batch_id(len(body.items))
    await _trigger(body.items, batch_id, access)
    return BatchHandle(id=batch_id, runCount=len(body.items))


@router.post("/v3/batches")
async def create_batch(body: NewBatch, access: AccessDep) -> BatchHandle:
    """Make a batch; its items follow as lines of JSON."""
    batch_id = new_batch_id(body.run_count)
    if body.idempotency_key is not None:
        key = key_of(access.caller.owner, "batch", body.idempotency_key)
        batch_id = f"batch_{body.run_count}_{key}"
    return BatchHandle(id=batch_id, runCount=body.run_count)


@router.post("/v3/batches/{batch_id}/items")
async def stream_batch_items(
    batch_id: BatchId, request: Request, access: AccessDep
) -> StreamedItems:
    """Trigger the items of a batch, one a line; an item that was triggered before is not again."""
    match = _BATCH.fullmatch(batch_id)
    if match is None or not 0 < int(match[1]) <= MAX_ITEMS:
        raise InvalidRequest("batchId: it is no batch of ours", field="batchId")
    expected = int(match[1])
    items = _lines(await request.body(), expected)
    runs = await _trigger(items, batch_id, access)
    cached = sum(is_cached for _, is_cached in runs)
    return StreamedItems(
        id=batch_id,
        itemsAccepted=len(runs) - cached,
        itemsDeduplicated=cached,
        sealed=len(runs) == expected,
        enqueuedCount=len(runs),
        expectedCount=expected,
    )


async def _trigger(
    items: tuple[BatchItem, ...] | list[BatchItem], batch_id: str, access: AccessDep
) -> list[tuple[str, bool]]:
    """Trigger all; each is judged before the first is triggered."""
    services, owner = access.services, access.caller.owner
    now = services.clock.now()
    for _ in items[1:]:  # the request itself was counted as one
        await services.rates.check(owner, RateClass.MESSAGES)
    wanted = [item.wanted(item.task, now, batch_id=batch_id) for item in items]
    for each in wanted:
        await services.triggering.tasks.check(task_payload(each.task, each.payload), owner=owner)
    done: list[tuple[str, bool]] = []
    for number, (item, each) in enumerate(zip(items, wanted, strict=True)):
        index = number if item.index is None else item.index
        triggered = await services.triggering.trigger_item(each, index, owner=owner)
        done.append((triggered.run_id, triggered.is_cached))
    return done


def _lines(body: bytes, expected: int) -> list[BatchItem]:
    """The items of a body, by their index. Raises: InvalidRequest."""
    found: dict[int, BatchItem] = {}
    try:
        for number, line in enumerate(filter(bytes.strip, body.split(b"\n"))):
            row: Any = json.loads(line)
            item = BatchItem.model_validate(row)
            found[number if item.index is None else item.index] = item
            if len(found) > expected:
                raise InvalidRequest(f"The batch has {expected} items, and there are more lines")
    except ValidationError as error:
        raise InvalidRequest(problem_text(error, whole="item")) from None
    except (ValueError, RecursionError):
        raise InvalidRequest("Each line must be a JSON object") from None
    if not found or max(found) >= expected:
        raise InvalidRequest(f"index: from 0 to {expected - 1}", field="index")
    return list(found.values())


def new_batch_id(count: int) -> str:
    """The id of a batch of so many items."""
    return f"batch_{count}_{new_id('b')}"
