"""Which encryption keys a database and its workers use; moving what is stored to the first one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engine.dbos import dbos_rows
from engine.storage import tables
from engine.storage.encryption import (
    PREFIX,
    Encryption,
    KeyMissing,
    KeyUnknownElsewhere,
    Sealed,
)
from engine.storage.locks import lock_key
from engine.storage.tables import insert_new

BATCH = 200
DATABASE = ""  # in the place of a worker: data is sealed under this key
ALL = "*"  # in the place of a worker: there was nothing else when it was last looked at


def take_up(
    connection: sa.Connection,
    encryption: Encryption | None,
    executor_id: str,
    *,
    works: bool,
) -> None:
    """Check the keys of a process that starts, and note which it has.

    Raises:
        KeyMissing: data is stored under a key that it was not given.
        KeyUnknownElsewhere: living workers could not read what it would write.
    """
    lock_key(connection, "keys")
    known = () if encryption is None else encryption.key_ids
    used = used_keys(connection)
    for key_id in used - set(known):
        if is_used(connection, key_id):
            raise KeyMissing(key_id)
        retire(connection, key_id)
    if known and known[0] not in used:
        without = _workers_without(connection, known[0]) - {executor_id}
        if without:
            raise KeyUnknownElsewhere(known[0], sorted(without))
        forget_keys(connection, [ALL])
        insert_new(connection, tables.key, {"key_id": known[0], "executor_id": DATABASE})
    for key_id in known if works else ():
        insert_new(connection, tables.key, {"key_id": key_id, "executor_id": executor_id})


def forget_keys(connection: sa.Connection, executor_ids: Sequence[str]) -> None:
    """Workers are gone: which keys they had does not matter any more."""
    connection.execute(sa.delete(tables.key).where(tables.key.c.executor_id.in_(executor_ids)))


def used_keys(connection: sa.Connection) -> set[str]:
    """The ids of the keys under which something may be stored."""
    key = tables.key.c
    query = sa.select(key.key_id).where(key.executor_id == DATABASE)
    return set(connection.execute(query).scalars())


def retire(connection: sa.Connection, key_id: str) -> None:
    """Nothing is stored under this key any more."""
    key = tables.key.c
    connection.execute(
        sa.delete(tables.key).where(key.key_id == key_id, key.executor_id == DATABASE)
    )


def _workers_without(connection: sa.Connection, key_id: str) -> set[str]:
    if connection.dialect.name != "postgresql":
        return set()  # nobody else has the file
    now_ms = tables.database_now_ms(connection)
    worker, key = tables.worker.c, tables.key.c
    has_it = sa.select(key.executor_id).where(key.key_id == key_id)
    query = sa.select(worker.executor_id).where(
        worker.beat_at + worker.lease_ms >= now_ms, worker.executor_id.not_in(has_it)
    )
    return set(connection.execute(query).scalars())


def _sealed_columns() -> list[sa.Column[Any]]:
    """Every column that holds sealed texts, of our tables and of those of DBOS."""
    ours = [
        column
        for table in tables.metadata.sorted_tables
        for column in table.c
        if isinstance(column.type, Sealed)
    ]
    return [*ours, *dbos_rows.serialized_columns()]


def is_used(connection: sa.Connection, key_id: str) -> bool:
    """Whether anything is sealed under a key; looks through everything."""
    for column in _sealed_columns():
        raw = sa.type_coerce(column, sa.Text)
        query = sa.select(sa.literal(1)).where(raw.like(f"{PREFIX}{key_id}:%")).limit(1)
        if connection.execute(query).first() is not None:
            return True
    return False


def mark_moved(connection: sa.Connection, key_id: str) -> None:
    """Everything has been found sealed under this key."""
    insert_new(connection, tables.key, {"key_id": key_id, "executor_id": ALL})


def is_settled(connection: sa.Connection, encryption: Encryption) -> bool:
    """Whether there is nothing to move: only one key is given, and it was found everywhere."""
    key = tables.key.c
    query = sa.select(key.key_id).where(key.executor_id == ALL, key.key_id == encryption.key_ids[0])
    return len(encryption.key_ids) == 1 and connection.execute(query).first() is not None


Position = tuple[int, tuple[Any, ...]]
"""Where moving goes on: the number of the column, and the primary key of the last row."""
FIRST: Position = (0, ())


@dataclass(frozen=True)
class Moved:
    """A batch of texts that were sealed again, and where the next one begins."""

    texts: int
    next_at: Position | None


def move_batch(connection: sa.Connection, encryption: Encryption, at: Position) -> Moved:
    """Seal a batch of what is stored under the first key, if it is not already."""
    number, after = at
    columns = _sealed_columns()
    column = columns[number]
    primary = list(column.table.primary_key.columns)
    raw = sa.type_coerce(column, sa.Text)
    query = sa.select(*primary, raw).order_by(*primary).limit(BATCH)
    if after:
        query = query.where(sa.tuple_(*primary) > sa.tuple_(*map(sa.literal, after)))
    rows = connection.execute(query).all()
    moved = 0
    for *row_id, stored in rows:
        if stored is not None and not stored.startswith(f"{PREFIX}{encryption.key_ids[0]}:"):
            moved += _move(connection, column, primary, (row_id, stored), encryption)
    if len(rows) == BATCH:
        return Moved(moved, (number, tuple(rows[-1][:-1])))
    is_last = number + 1 == len(columns)
    return Moved(moved, None if is_last else (number + 1, ()))


def _move(
    connection: sa.Connection,
    column: sa.Column[Any],
    primary: Sequence[sa.Column[Any]],
    row: tuple[Sequence[Any], str],
    encryption: Encryption,
) -> int:
    row_id, stored = row
    again = encryption.seal(encryption.open(stored))
    update = (
        sa.update(column.table)
        .where(*(each == value for each, value in zip(primary, row_id, strict=True)))
        .where(sa.type_coerce(column, sa.Text) == stored)  # what is newer is left alone
        .values({column: sa.literal(again, sa.Text)})
    )
    return connection.execute(update).rowcount
