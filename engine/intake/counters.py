"""Two numbers under a key: what throttles, rate limits and idempotency keys count with."""

import sqlalchemy as sa

from engine.storage import tables
from engine.storage.locks import lock_key

SKEW_MS = 60_000  # the clocks of machines may differ by so much; more is a clock that was set


def read_counter(connection: sa.Connection, key: str) -> tuple[int, int] | None:
    """The two numbers under a key, which is this transaction's until it ends."""
    lock_key(connection, key)
    counter = tables.counter.c
    row = connection.execute(
        sa.select(counter.since, counter.number).where(counter.key == key)
    ).one_or_none()
    return None if row is None else (row.since, row.number)


def store_counter(connection: sa.Connection, key: str, since: int, number: int) -> None:
    """Write them; `since` is a time in ms, by which retention deletes them."""
    row = {"key": key, "since": since, "number": number}
    if not tables.insert_new(connection, tables.counter, row):
        connection.execute(
            sa.update(tables.counter)
            .where(tables.counter.c.key == key)
            .values(since=since, number=number)
        )
