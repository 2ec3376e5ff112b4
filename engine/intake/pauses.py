"""Paused jobs: their events are accepted, and their runs wait in the queue."""

from datetime import UTC, datetime

import sqlalchemy as sa

from engine.steps.slots import Place, withdraw
from engine.storage import tables
from engine.storage.notices import Notice, publish
from engine.storage.tables import insert_new


def pause_job(
    connection: sa.Connection, job_id: str, now_ms: int, sender: str
) -> tuple[bool, list[Place]]:
    """Let no run of this job start; False if it was so already. Also who gets its places."""
    done = insert_new(connection, tables.pause, {"job_id": job_id, "paused_at": now_ms})
    granted = withdraw(connection, job_id)
    publish(connection, Notice(sender, pauses_changed=True, places=tuple(granted)))
    return done, granted


def resume_job(connection: sa.Connection, job_id: str, sender: str) -> bool:
    """Let runs of this job start again; False if they could."""
    done = connection.execute(sa.delete(tables.pause).where(tables.pause.c.job_id == job_id))
    publish(connection, Notice(sender, pauses_changed=True))
    return bool(done.rowcount)


def paused_jobs(connection: sa.Connection) -> dict[str, datetime]:
    """The paused jobs, and since when."""
    return {
        row.job_id: datetime.fromtimestamp(row.paused_at / 1000, UTC)
        for row in connection.execute(sa.select(tables.pause))
    }
