"""Tasks and runs in Trigger.dev's words: what goes in and comes out."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from app.http.errors import InvalidRequest
from app.services.clients.triggering import LONGEST_DELAY, TaskRun, Wanted
from engine import RunStatus
from engine.duration import seconds_of

SUPER_JSON = "application/super+json"
STATUS: Mapping[RunStatus, str] = {
    "scheduled": "QUEUED",
    "queued": "QUEUED",
    "running": "EXECUTING",
    "completed": "COMPLETED",
    "failed": "FAILED",
    "cancelled": "CANCELED",
}


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Tags = Annotated[
    tuple[Annotated[str, Field(max_length=128)], ...],
    BeforeValidator(_listed),
    Field(max_length=10),
]


class Theirs(BaseModel):
    """What their SDK sends; fields that mean nothing here (machine, queue …) are ignored."""

    model_config = ConfigDict(
        extra="ignore", frozen=True, alias_generator=to_camel, validate_by_name=False
    )


class Options(Theirs):
    """How a task is triggered."""

    delay: Annotated[str, Field(max_length=100)] | None = None
    idempotency_key: Annotated[str, Field(min_length=1, max_length=2_048)] | None = None
    idempotency_key_ttl: Annotated[str | None, Field(alias="idempotencyKeyTTL", max_length=100)] = (
        None
    )
    concurrency_key: Annotated[str, Field(max_length=200)] | int | float | None = None
    tags: Tags = ()
    metadata: Any = None
    payload_type: str | None = None
    test: bool = False


class TriggerBody(Theirs):
    """A payload, and how it is to be run."""

    payload: Any = None
    options: Options = Options()

    def wanted(self, task: str, now: datetime, *, batch_id: str | None = None) -> Wanted:
        """The same for our services. Raises: InvalidRequest."""
        options = self.options
        life = options.idempotency_key_ttl
        return Wanted(
            task,
            payload_of(self.payload, options.payload_type),
            tags=options.tags,
            delay_until=time_of(options.delay, now, "delay"),
            idempotency_key=options.idempotency_key,
            key_life=None if life is None else _span(life, "idempotencyKeyTTL"),
            concurrency_key=None
            if options.concurrency_key is None
            else str(options.concurrency_key),
            metadata=_metadata(options.metadata),
            batch_id=batch_id,
            is_test=options.test,
        )


class BatchItem(TriggerBody):
    """One task of a batch; `index` in a stream of items."""

    task: Annotated[str, Field(min_length=1, max_length=200)]
    index: Annotated[int, Field(ge=0)] | None = None


class ReplayBody(Theirs):
    """What is to be different this time."""

    payload: Any = None
    payload_type: str | None = None
    tags: Tags | None = None
    delay: Annotated[str, Field(max_length=100)] | None = None
    metadata: dict[str, Any] | None = None
    idempotency_key: Annotated[str, Field(min_length=1, max_length=2_048)] | None = None

    def changes(self, now: datetime) -> dict[str, Any]:
        """Fields of `Wanted`. Raises: InvalidRequest."""
        found: dict[str, Any] = {
            "tags": self.tags,
            "metadata": self.metadata,
            "idempotency_key": self.idempotency_key,
            "delay_until": time_of(self.delay, now, "delay"),
        }
        if self.payload is not None:
            found["payload"] = payload_of(self.payload, self.payload_type)
        return {name: value for name, value in found.items() if value is not None}


class RescheduleBody(Theirs):
    """When a delayed run is to begin instead."""

    delay: Annotated[str, Field(min_length=1, max_length=100)]

    def until(self, now: datetime) -> datetime:
        """When; now where that is over. Raises: InvalidRequest."""
        return time_of(self.delay, now, "delay") or now


def payload_of(payload: object, kind: str | None) -> Mapping[str, Any]:
    """A payload, which their SDK sends as text; of SuperJSON the plain part.

    Raises: InvalidRequest: it is no JSON object.
    """
    try:
        found: Any = json.loads(payload) if isinstance(payload, str) else payload
    except (ValueError, RecursionError):
        raise InvalidRequest("payload: it is not JSON", field="payload") from None
    if kind == SUPER_JSON and isinstance(found, dict):
        found = cast("dict[str, Any]", found).get("json")
    if not isinstance(found, dict):
        raise InvalidRequest("payload: it must be a JSON object", field="payload")
    return cast("dict[str, Any]", found)


def time_of(text: str | None, now: datetime, field: str) -> datetime | None:
    """When a delay ends: a duration from now, or a time; None where it is over already.

    Raises: InvalidRequest.
    """
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = now + _span(text, field)
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    if at - now > LONGEST_DELAY:
        raise InvalidRequest(f"{field}: at most {LONGEST_DELAY.days} days", field=field)
    return at if at > now else None


def _span(text: str, field: str) -> timedelta:
    try:
        return timedelta(seconds=seconds_of(text))
    except (ValueError, OverflowError):
        raise InvalidRequest(
            f'{field}: write a duration such as "30s" or "1h30m", or a time', field=field
        ) from None


def _metadata(value: object) -> dict[str, Any] | None:
    try:
        found: Any = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        found = 0
    if found is not None and not isinstance(found, dict):
        raise InvalidRequest("metadata: it must be a JSON object", field="metadata")
    return cast("dict[str, Any] | None", found)


class RunHandle(BaseModel):
    """A run that was triggered."""

    id: str
    isCached: bool = False  # noqa: N815 - their name


def status_of(run: TaskRun) -> str:
    """How far it is, in their words."""
    handle = run.handle.info.status
    if run.work is not None:
        return STATUS[run.work.info.status]
    if run.delayed_until is not None:
        return "DELAYED"
    return STATUS[handle] if handle in {"failed", "cancelled"} else "QUEUED"


def run_fields(run: TaskRun) -> dict[str, Any]:
    """What a list says of a run; times as ISO texts."""
    handle, status = run.handle.info, status_of(run)
    last = handle if run.work is None else run.work.info
    is_over = status in {"COMPLETED", "FAILED", "CANCELED"}
    started = last.started_at if run.work is not None or run.asked is None else None
    ended = last.ended_at if is_over else None
    took = (ended - started) if started and ended else timedelta()
    asked = run.asked
    fields: dict[str, Any] = {
        "id": handle.run_id,
        "status": status,
        "taskIdentifier": handle.job_id if asked is None else asked.task,
        "isQueued": status in {"QUEUED", "DELAYED"},
        "isExecuting": status == "EXECUTING",
        "isWaiting": False,
        "isCompleted": is_over,
        "isSuccess": status == "COMPLETED",
        "isFailed": status == "FAILED",
        "isCancelled": status == "CANCELED",
        "isTest": asked is not None and asked.is_test,
        "createdAt": _iso(handle.created_at),
        "updatedAt": _iso(last.ended_at or last.started_at or last.created_at),
        "startedAt": started and _iso(started),
        "finishedAt": ended and _iso(ended),
        "delayedUntil": run.delayed_until and _iso(run.delayed_until),
        "tags": [] if asked is None else list(asked.tags),
        "idempotencyKey": asked and asked.idempotency_key,
        "metadata": asked and asked.metadata,
        "costInCents": 0,
        "baseCostInCents": 0,
        "durationMs": round(took / timedelta(milliseconds=1)),
    }
    return {name: value for name, value in fields.items() if value is not None}


def whole_run(run: TaskRun, *, shows_errors: bool) -> dict[str, Any]:
    """All that is told of one run; texts of errors are for the operator, as in our own routes."""
    asked, work = run.asked, run.work
    last = run.handle.info if work is None else work.info
    fields = run_fields(run)
    fields["depth"] = 0
    fields["triggerFunction"] = "batchTrigger" if asked and asked.batch_id else "trigger"
    fields["relatedRuns"] = {"children": []}
    fields["attemptCount"] = 0 if last.started_at is None else 1
    if asked is not None:
        fields["payload"] = asked.payload
        if asked.batch_id is not None:
            fields["batchId"] = asked.batch_id
    if fields["isSuccess"]:
        result: Any = last.result
        fields["output"] = {**run.ids, **result} if isinstance(result, Mapping) else result
    if last.error is not None and fields["isFailed"]:
        name = getattr(last.error, "name", type(last.error).__name__)
        text = getattr(last.error, "message", str(last.error))
        fields["error"] = {"name": name, "message": text if shows_errors else name}
    return fields


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
