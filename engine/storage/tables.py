"""The engine's own tables, beside those of DBOS. Times are ms since the epoch."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from engine.errors import DatabaseTooNew
from engine.storage.encryption import Sealed

VERSION = 3  # steps keep their inputs and kinds with their results; texts may be sealed

metadata = sa.MetaData()

schema_version = sa.Table(
    "engine_schema",
    metadata,
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
)

# Written by intake; read for duplicates and by inspection; swept by retention.
event = sa.Table(
    "engine_event",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("body", Sealed, nullable=False),  # data, user and headers, as the codec writes them
    sa.Column("v", sa.Text),
    sa.Column("ts", sa.BigInteger, nullable=False),
    sa.Column("received_at", sa.BigInteger, nullable=False),
    sa.Index("engine_event_received", "received_at"),
    sa.Index("engine_event_name", "name", "received_at"),
)

# Written by intake, one row per run; read to answer duplicates and by inspection.
run = sa.Table(
    "engine_run",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("job_id", sa.Text, nullable=False),
    sa.Column("event_id", sa.Text, nullable=False),
    sa.Column("parent_run_id", sa.Text),  # the run whose step.invoke started it
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("started_at", sa.BigInteger),  # of an earlier execution, which DBOS forgets
    sa.Index("engine_run_event", "event_id"),
    sa.Index("engine_run_job", "job_id", "created_at"),
    sa.Index("engine_run_parent", "parent_run_id"),
    sa.Index("engine_run_created", "created_at", "run_id"),
)

# Whose an event or a run is: `user.id` of the event, and of the event behind the run or behind the
# run that invoked it. Written by intake with the row it is about; read by inspection.
owned = sa.Table(
    "engine_owned",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),  # event | run
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("user_id", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),  # received_at or created_at of the row
    sa.Index("engine_owned_user", "user_id", "kind", "at", "id"),
)

# What would cancel a run: written with the run, deleted when it ends, read by intake.
cancel_rule = sa.Table(
    "engine_cancel_rule",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("event_name", sa.Text, nullable=False),
    sa.Column("match", sa.Text),  # the value, as JSON, that the later event must hold
    sa.Column("expires_at", sa.BigInteger),
    sa.Index("engine_cancel_rule_match", "event_name", "match"),
)

# Failed attempts: written by steps and bodies that will try again; read when a run resumes.
attempt = sa.Table(
    "engine_attempt",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("step_id", sa.Text, primary_key=True),  # "" is the body
    sa.Column("attempt", sa.Integer, primary_key=True, autoincrement=False),  # counts from 0
    sa.Column("error_name", sa.Text, nullable=False),
    sa.Column("error_message", Sealed, nullable=False),
    sa.Column("failed_at", sa.BigInteger, nullable=False),
    sa.Column("next_at", sa.BigInteger),  # None: it was the last one
    sa.Column("error_code", sa.Text),  # None: the class has none, or old code has written it
    sa.Column("started_at", sa.BigInteger),  # None: old code has written it
    sa.Column("error_stack", Sealed),  # None: as above
)

# Attempts of steps that have begun and, as long as they are not recorded, are still at it or were
# interrupted: written by those that take a while, and for waits by a cancel; read by inspection.
working = sa.Table(
    "engine_working",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("step_id", sa.Text, primary_key=True),
    sa.Column("attempt", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("started_at", sa.BigInteger, nullable=False),
    sa.Column("until", sa.BigInteger),  # of a wait
)

# Runs that wait: written by the step that waits, answered by intake, deleted once recorded.
wait = sa.Table(
    "engine_wait",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("step_id", sa.Text, primary_key=True),
    sa.Column("event_name", sa.Text),
    sa.Column("match_path", sa.Text),
    sa.Column("match", sa.Text),  # the value at match_path, as JSON
    sa.Column("condition", sa.Text),  # CEL
    sa.Column("signal", sa.Text),
    sa.Column("deadline", sa.BigInteger, nullable=False),
    sa.Column("answer", Sealed),
    sa.Column("opened_at", sa.BigInteger),  # None: old code has written it
    sa.Index("engine_wait_event", "event_name", "match_path", "match"),
    sa.Index("engine_wait_signal", "signal"),
    sa.Index(
        "engine_wait_answered",  # looked for every second, and hardly ever there
        "run_id",
        sqlite_where=sa.text("answer IS NOT NULL"),
        postgresql_where=sa.text("answer IS NOT NULL"),
    ),
)

# Which events a run has already been given, so that looking back finds none twice.
answered = sa.Table(
    "engine_answered",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("event_id", sa.Text, primary_key=True),
)

# What an event did to runs that were there: the wait that it ended, by its step, or with "" that it
# cancelled them. Written by intake and by waits that open late, read by inspection, deleted with
# the run.
effect = sa.Table(
    "engine_effect",
    metadata,
    sa.Column("event_id", sa.Text, primary_key=True),
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("step_id", sa.Text, primary_key=True),
    sa.Index("engine_effect_run", "run_id"),
)

# Runs that still take events (debounce, batch): written by intake, replaced once they have left.
gathering = sa.Table(
    "engine_gathering",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("opened_at", sa.BigInteger, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
)

# The events of such a run, in order: written by intake, read when it starts and for duplicates.
gathered = sa.Table(
    "engine_gathered",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("event_id", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Index("engine_gathered_event", "event_id"),
)

# Jobs whose runs are not to start: written by pause and resume, read by every dispatcher.
pause = sa.Table(
    "engine_pause",
    metadata,
    sa.Column("job_id", sa.Text, primary_key=True),
    sa.Column("paused_at", sa.BigInteger, nullable=False),
)

# Runs that repeat another: written with the run; read for duplicates and by inspection.
replay = sa.Table(
    "engine_replay",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("source_run_id", sa.Text, nullable=False),
    sa.Column("from_step", sa.Text),  # None: nothing was taken over, or the body itself failed
    sa.Index("engine_replay_source", "source_run_id"),
)

# Throttles, rate limits and idempotency keys: read and written when a run would start.
counter = sa.Table(
    "engine_counter",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("since", sa.BigInteger, nullable=False),
    sa.Column("number", sa.BigInteger, nullable=False),
)

# Runs that their throttle has let start, so that they go on after a crash without asking again:
# written as the body begins, read when it does so again.
started = sa.Table(
    "engine_started",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
)

# Which run holds a singleton key; a run that has ended holds nothing.
singleton = sa.Table(
    "engine_singleton",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("run_id", sa.Text, nullable=False),
)

# When a run is to be cancelled: written at its start and its enqueueing, read by a timer.
limit = sa.Table(
    "engine_limit",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),  # start | finish
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Index("engine_limit_at", "at"),
)

# Living processes on PostgreSQL: each writes its own row; any of them sweeps the dead ones.
worker = sa.Table(
    "engine_worker",
    metadata,
    sa.Column("executor_id", sa.Text, primary_key=True),
    sa.Column("beat_at", sa.BigInteger, nullable=False),
    sa.Column("lease_ms", sa.BigInteger, nullable=False),
)

# Encryption keys: those that data may be sealed under (no executor), and those of each worker.
# Written by processes that start, and by the one that has moved everything to another key.
key = sa.Table(
    "engine_key",
    metadata,
    sa.Column("key_id", sa.Text, primary_key=True),
    sa.Column("executor_id", sa.Text, primary_key=True),
)

# Places under a concurrency key: written by runs, read by whoever grants the next one.
slot = sa.Table(
    "engine_slot",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("allowed", sa.Integer, nullable=False),  # granted when fewer than this many are
    sa.Column("position", sa.BigInteger, nullable=False),  # who comes first: the older run
    sa.Column("granted", sa.Boolean, nullable=False),
    sa.Column("executor_id", sa.Text, nullable=False),
    sa.Index("engine_slot_order", "key", "granted", "position"),
)

# Realtime messages that are too large for NOTIFY: written by their sender, read by processes with a
# subscriber, deleted by any worker after a minute. PostgreSQL only.
message = sa.Table(
    "engine_message",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("body", Sealed, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),  # by the database's clock
    sa.Index("engine_message_at", "at"),
)

# What all processes of this database have in common, such as the secret that signs tokens: written
# once, by whoever needs it first; read when an engine starts.
setting = sa.Table(
    "engine_setting",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", Sealed, nullable=False),
)


def _epoch_ms(instant: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    return sa.cast(sa.func.extract("epoch", instant) * 1000, sa.BigInteger)


# The clocks of the machines may differ; PostgreSQL has one.
POSTGRES_NOW_MS = _epoch_ms(sa.func.clock_timestamp())


def create(engine: sa.Engine) -> None:
    """Create what is missing.

    Raises:
        DatabaseTooNew: a newer version of this code made the tables.
    """
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            # Two processes that start together must not create the same table at once.
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(7262519)"))
        schema_version.create(connection, checkfirst=True)
        found = connection.execute(sa.select(sa.func.max(schema_version.c.version))).scalar()
        if found is not None and found > VERSION:
            raise DatabaseTooNew(found, VERSION)
        metadata.create_all(connection)
        for column in (
            attempt.c.error_code,
            attempt.c.started_at,
            attempt.c.error_stack,
            run.c.started_at,
            wait.c.opened_at,
        ):
            _add_missing(connection, column)
        for table in metadata.tables.values():  # create_all adds none to a table that is there
            for index in table.indexes:
                index.create(connection, checkfirst=True)
        if found is None or found < VERSION:
            connection.execute(sa.insert(schema_version).values(version=VERSION))


def _add_missing(connection: sa.Connection, column: sa.Column[Any]) -> None:
    """Add a column, which may be empty, to a table that older code has made."""
    known = {each["name"] for each in sa.inspect(connection).get_columns(column.table.name)}
    if column.name not in known:
        kind = column.type.compile(connection.dialect)
        connection.execute(
            sa.text(f"ALTER TABLE {column.table.name} ADD COLUMN {column.name} {kind}")
        )


def insert_new(connection: sa.Connection, table: sa.Table, values: Mapping[str, Any]) -> bool:
    """Insert a row unless its key is taken; says whether it was inserted."""
    return (
        connection.execute(_insertion(connection.dialect.name, table), values).first() is not None
    )


@cache  # SQLAlchemy takes three times as long for a statement that is put together anew
def _insertion(dialect: str, table: sa.Table) -> sa.Executable:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert(table).on_conflict_do_nothing().returning(sa.literal(1))


def database_now_ms(connection: sa.Connection) -> int:
    """PostgreSQL's clock."""
    return connection.execute(sa.select(POSTGRES_NOW_MS)).scalar_one()


def database_up_since_ms(connection: sa.Connection) -> int:
    """When PostgreSQL started, by its clock."""
    started = _epoch_ms(sa.func.pg_postmaster_start_time())
    return connection.execute(sa.select(started)).scalar_one()
