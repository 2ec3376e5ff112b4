"""The end of a run and what goes with it as one transaction, by the private names of DBOS 3.4.

`tests/engine/dbos/test_ending.py` holds each name against the installed version.
"""
# pyright: reportPrivateUsage=false
# ruff: noqa: SLF001 - as in private.py

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Protocol

import sqlalchemy as sa
from dbos._context import current_owner_xid
from dbos._sys_db import SystemDatabase

from engine.dbos.private import system_database
from engine.storage.outage import Outage


class AtEnd(Protocol):
    """What an execution of a run leaves behind. Called in threads."""

    def concerns(self, run_id: str, owner: str, /) -> bool:
        """Whether there is anything, so that it is worth a transaction."""
        ...

    def settle(self, connection: sa.Connection, run_id: str, owner: str, /) -> Callable[[], None]:
        """Take it away as the run ends; returns what to do once that is committed."""
        ...

    def lost(self, run_id: str, owner: str, /) -> None:
        """The outcome was not stored: the run was cancelled, or is another process's."""
        ...


def settle_at_end(pool: sa.Engine, outage: Outage, at_end: AtEnd) -> None:
    """Let the outcome of a run be stored with all that goes with it, or not at all.

    It waits while the database is away or full, however long. DBOS would look less and less often,
    up to 90 s apart. An outcome with which nothing goes is stored by DBOS, in one statement.
    """
    database = system_database()
    database._retry_connection_errors = False
    alone = database.update_workflow_outcome

    def store(
        workflow_id: str,
        status: str,
        *,
        output: str | None = None,
        error: str | None = None,
        owner_xid: str | None = None,
    ) -> bool:
        owner = owner_xid or current_owner_xid(workflow_id)
        outcome: dict[str, Any] = {"output": output, "error": error}
        if owner is None or not at_end.concerns(workflow_id, owner):
            return alone(workflow_id, status, **outcome, owner_xid=owner_xid)  # pyright: ignore[reportArgumentType] - a Literal of theirs
        with pool.begin() as connection:
            stored = _store(connection, (workflow_id, owner), status, outcome)
            then = at_end.settle(connection, workflow_id, owner) if stored else None
        if then is None:
            at_end.lost(workflow_id, owner)
            return False
        then()
        return True

    patient: Any = database
    patient.update_workflow_outcome = outage.waited_out(store)


def _store(
    connection: sa.Connection, execution: tuple[str, str], status: str, outcome: dict[str, Any]
) -> bool:
    """As DBOS does, unless the run is not this execution's any more."""
    run_id, owner = execution
    end, keep = _ending(system_database())
    done = connection.execute(end, {"of_run": run_id, "of_owner": owner, "as": status})
    if done.rowcount:
        connection.execute(keep, {"of_run": run_id, **outcome})
    return bool(done.rowcount)


@lru_cache(maxsize=1)  # put together once; a process has one DBOS at a time
def _ending(database: SystemDatabase) -> tuple[sa.Executable, sa.Executable]:
    run, output, now = (
        database.tables.workflow_status,
        database.tables.workflow_output,
        database._now_ms_sql(),
    )
    end = (
        sa.update(run)
        .where(run.c.workflow_uuid == sa.bindparam("of_run"), run.c.status == "PENDING")
        .where(run.c.owner_xid == sa.bindparam("of_owner"))
        .values(
            status=sa.bindparam("as"),
            owner_xid=None,
            deduplication_id=None,
            updated_at=now,
            completed_at=now,
        )
    )
    keep = database.dialect.insert(output).values(
        workflow_uuid=sa.bindparam("of_run"),
        output=sa.bindparam("output"),
        error=sa.bindparam("error"),
    )
    return end, keep.on_conflict_do_update(
        index_elements=["workflow_uuid"],
        set_={"output": keep.excluded.output, "error": keep.excluded.error},
    )
