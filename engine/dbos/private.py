"""What the engine uses of DBOS 3.4 that is private, and why; more is in the files beside this one.

`tests/engine/dbos/test_private.py` holds each against the installed version.
"""
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false
# ruff: noqa: SLF001 - this file exists for it

import asyncio
import time
from typing import Any, cast

import sqlalchemy as sa
from dbos import DBOS
from dbos._dbos import _get_dbos_instance
from dbos._schemas import SCHEMA_PLACEHOLDER
from dbos._sys_db import SystemDatabase

from engine.dbos.starts import keep_starts


def system_database() -> SystemDatabase:
    """Its tables, and its transactions."""
    return _get_dbos_instance()._sys_db


def with_schema(pool: sa.Engine) -> sa.Engine:
    """The same pool, in whose transactions the tables of DBOS can be named."""
    schema = "dbos" if pool.dialect.name == "postgresql" else None
    return pool.execution_options(schema_translate_map={SCHEMA_PLACEHOLDER: schema})


def adopt_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Run workflows on this loop. DBOS takes the loop that calls launch, but launch blocks."""
    _get_dbos_instance()._background_event_loop._main_loop = loop


def calm() -> None:
    """Keep DBOS from looking each second for what the engine does not use or does itself.

    Its own queue stays empty; delayed runs are released by the dispatcher, and deadlines are the
    timekeeper's. Call before launch.
    """
    dbos = _get_dbos_instance()
    dbos._registry.get_internal_queue()._polling_interval_sec = 60.0
    dbos._background_jobs_stop_event.set()


def measure_ms() -> None:
    """Stamp rows on SQLite to the millisecond; under Python 3.11 DBOS does so to the second."""
    database = system_database()
    if database.engine.dialect.name == "sqlite":
        since_1970 = (sa.func.julianday("now") - 2440587.5) * 86_400_000
        now = sa.cast(sa.func.round(since_1970), sa.BigInteger)
        database._now_ms_sql = lambda: now


def now_ms() -> int:
    """The time as DBOS stamps steps with it, in ms since the epoch."""
    return int(time.time() * 1000)  # noqa: TID251 - see above


def release_delayed() -> None:
    """Enqueue the runs whose delay has passed, as DBOS does once a second."""
    system_database().transition_delayed_workflows()


def current_run_id() -> str:
    """The id of the run that the calling task executes."""
    return cast("Any", DBOS).workflow_id


def recover_own(pool: sa.Engine, executor_id: str) -> None:
    """Put the runs back that this executor id had when it died, in one statement.

    Call before launch, which puts back what it finds in a transaction for each run, while they
    are being claimed.
    """
    schema = "dbos" if pool.dialect.name == "postgresql" else None
    if not sa.inspect(pool).has_table("workflow_status", schema):
        return  # launch will create it
    names = (
        "workflow_uuid",
        "status",
        "executor_id",
        "queue_name",
        "owner_xid",
        "started_at_epoch_ms",
    )
    status = sa.table("workflow_status", *map(sa.column, names), schema=schema)
    which = sa.and_(
        status.c.status == "PENDING",
        status.c.executor_id == executor_id,
        status.c.queue_name.is_not(None),
    )
    with pool.begin() as connection:
        keep_starts(connection, which, status)
        connection.execute(
            sa.update(status)
            .where(which)
            .values(status="ENQUEUED", owner_xid=None, started_at_epoch_ms=None)
        )
