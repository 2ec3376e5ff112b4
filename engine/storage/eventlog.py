"""Stored events: kept for their ids, for replays, and as the causes of runs."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from engine.errors import BadEvent
from engine.events import ENDS, FAILED, FINISHED, INVOKED, WireEvent
from engine.storage import codec, tables
from engine.storage.locks import share_key
from engine.storage.owners import disclaim, own, user_id_of
from engine.storage.tables import insert_new

DEDUPLICATION_MS = 24 * 3600 * 1000
MAX_EVENT_BYTES = 512 * 1024
ON_FAILURE = ":on-failure"  # ends the id of the run that handles another's failure


def failure_run_id(run_id: str) -> str:
    """The id of the run that handles the failure of this one."""
    return f"{run_id}{ON_FAILURE}"


def failed_id(run_id: str) -> str:
    """The id of the event that says that a run has failed for good."""
    return f"{run_id}:failed"


def finished_id(run_id: str) -> str:
    """The id of the event that says that a run has completed."""
    return f"{run_id}:finished"


def cancelled_id(run_id: str) -> str:
    """The id of the event that says that a run was cancelled."""
    return f"{run_id}:cancelled"


def with_told_ends(connection: sa.Connection, run_ids: Sequence[str]) -> set[str]:
    """Which of these runs have ended as far as others know: an event has said so."""
    ids = {told(run_id): run_id for run_id in run_ids for told in (failed_id, finished_id)}
    event = tables.event.c
    query = sa.select(event.id).where(event.id.in_(ids), event.name.in_((FAILED, FINISHED)))
    return {ids[event_id] for event_id in connection.execute(query).scalars()}


def handles_failure(run_id: str, event_id: str) -> bool:
    """Whether a run, by its id and that of its event, handles the failure of another.

    Neither says so alone: the ids of events are whatever their senders like.
    """
    other = run_id.removesuffix(ON_FAILURE)
    return run_id == failure_run_id(other) and event_id == failed_id(other)


def no_failure_handlers() -> sa.ColumnElement[bool]:
    """The rows of `engine_run` for which `handles_failure` is false."""
    run = tables.run.c
    other = sa.func.substr(run.run_id, 1, sa.func.length(run.run_id) - len(ON_FAILURE))
    return sa.not_(sa.and_(run.run_id.endswith(ON_FAILURE), run.event_id == other + failed_id("")))


def event_body(event: WireEvent) -> str:
    """What is stored of an event beside its name and times.

    Raises:
        BadEvent: it is too large.
    """
    beside = {"headers": event.headers} if event.headers else {}
    body = codec.dumps({"data": event.data, "user": event.user, **beside})
    # What says how a run has ended holds its event and its result, each of which is bounded.
    if len(body) > MAX_EVENT_BYTES and event.name not in ENDS:
        raise BadEvent(
            event.name,
            f"{len(body)} bytes of data; {MAX_EVENT_BYTES} are allowed: send a reference",
        )
    return body


def event_key(name: str) -> str:
    """What sends of an event share, and a wait for it that opens has for itself.

    Otherwise neither might see what the other has not committed yet, and the wait would never end.
    """
    return f"event:{name}"


def store_event(connection: sa.Connection, event: WireEvent, body: str, now_ms: int) -> str | None:
    """None for a duplicate, else what run ids get added: an id may return after 24 hours."""
    row = {
        "name": event.name,
        "body": body,
        "v": event.v,
        "ts": event.ts_ms,
        "received_at": now_ms,
    }
    is_new = insert_new(connection, tables.event, {"id": event.id, **row})
    share_key(connection, event_key(event.name))
    if is_new:
        own(connection, "event", event.id, user_id_of(event.user), now_ms)
        return ""
    renewed = connection.execute(
        sa.update(tables.event)
        .where(tables.event.c.id == event.id)
        .where(tables.event.c.received_at < now_ms - DEDUPLICATION_MS)
        .values(**row)
    )
    if not renewed.rowcount:
        return None
    disclaim(connection, "event", [event.id])
    own(connection, "event", event.id, user_id_of(event.user), now_ms)
    return f":{now_ms}"


def read_event(connection: sa.Connection, event_id: str) -> WireEvent | None:
    """A stored event, or None where it has been swept."""
    row = connection.execute(
        sa.select(tables.event).where(tables.event.c.id == event_id)
    ).one_or_none()
    return None if row is None else stored_event(row.id, row.name, row)


def stored_event(event_id: str, name: str, row: Any) -> WireEvent:
    """An event from what its row holds beside id and name: `body`, `ts` and `v`."""
    body = codec.loads(row.body)
    headers = body.get("headers", {})
    return WireEvent(name, body["data"], event_id, row.ts, row.v, body["user"], headers)


def cause_of(connection: sa.Connection, run_id: str) -> WireEvent | None:
    """The event that started a run."""
    query = sa.select(tables.run.c.event_id).where(tables.run.c.run_id == run_id)
    event_id = connection.execute(query).scalar()
    return None if event_id is None else read_event(connection, event_id)


def comes_of_an_end(connection: sa.Connection, end: WireEvent) -> bool:
    """Whether the run whose end this event tells was started by the end of another.

    A run that was invoked is what the run is that invoked it.
    """
    told, run_id = end.data.get("event"), end.data.get("runId")
    name = told.get("name") if isinstance(told, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType] - JSON
    run, event = tables.run.c, tables.event.c
    parent = sa.select(run.parent_run_id)
    while name == INVOKED and run_id is not None:
        run_id = connection.execute(parent.where(run.run_id == run_id)).scalar()
        cause = sa.select(event.name).join(tables.run, run.event_id == event.id)
        name = connection.execute(cause.where(run.run_id == run_id)).scalar()
    return name in ENDS


def runs_started_by(connection: sa.Connection, event_id: str) -> list[tuple[str, str]]:
    """Run and job id of what an event has started or joined since it was last accepted."""
    since = (
        sa.select(tables.event.c.received_at).where(tables.event.c.id == event_id).scalar_subquery()
    )
    run, gathered = tables.run.c, tables.gathered.c
    joined = sa.select(gathered.run_id).where(gathered.event_id == event_id, gathered.at >= since)
    started = sa.and_(
        run.event_id == event_id,
        run.created_at >= since,
        no_failure_handlers(),
        run.run_id.not_in(sa.select(tables.replay.c.run_id)),
    )
    query = (
        sa.select(run.run_id, run.job_id)
        .where(sa.or_(started, run.run_id.in_(joined)))
        .order_by(run.run_id)
    )
    return [(run_id, job_id) for run_id, job_id in connection.execute(query)]
