"""Taking runs of many keys from one queue, in fair turns.

A run's key is in DBOS's partition key, for which DBOS has an index.
"""
# pyright: reportPrivateUsage=false

from functools import lru_cache

import sqlalchemy as sa
from dbos._sys_db import SystemDatabase

from engine.dbos import claiming
from engine.dbos.claiming import Claimed
from engine.dbos.private import system_database
from engine.fairness import NO_KEY, Turns


def claim_in_turns(
    connection: sa.Connection, queue: str, limit: int, owner: str, turns: Turns
) -> tuple[list[Claimed], bool]:
    """Take up to `limit` enqueued runs as `claiming.claim` does, of no key more than its share.

    Also returns whether runs stay behind although there is room, which is kept for other keys.
    """
    first = _first_keys(connection, queue, limit + 1)
    if len(first) <= limit and turns.all_may_start(key or NO_KEY for key in first):
        # What a queue holds mostly fits, and then their order does not matter.
        return claiming.claim(connection, queue, limit, owner), False
    taken: list[Claimed] = []
    if None in first:  # enqueued before the job had a key
        taken = claiming.claim(connection, queue, min(limit, first.count(None)), owner, of="no key")
        turns.start(NO_KEY, len(taken))
    keys = _waiting_keys(connection, queue, limit, turns.last)
    while keys and (allotted := turns.allot(keys, limit - len(taken))):
        for key, count in allotted.items():
            found = claiming.claim(connection, queue, count, owner, of="this key", key=key)
            turns.start(key, len(found))
            taken += found
            if len(found) < count:
                keys.remove(key)
    return taken, bool(keys) and len(taken) < limit


def _first_keys(connection: sa.Connection, queue: str, limit: int) -> list[str | None]:
    """The keys of the first enqueued runs of a queue, one entry for each run."""
    values = claiming.here(queue) | {"limit": limit}
    return list(connection.execute(_first(system_database()), values).scalars())


def _waiting_keys(connection: sa.Connection, queue: str, limit: int, last: str) -> list[str]:
    """Up to `limit` keys that have enqueued runs, beginning behind `last` and going round."""
    values = claiming.here(queue) | {"limit": limit}
    query = _next_keys(system_database())
    keys = list(connection.execute(query, values | {"after": last}).scalars())
    if last and len(keys) < limit:
        first = connection.execute(query, values | {"after": ""}).scalars()
        keys += [key for key in first if key not in keys]
    return keys[:limit]


@lru_cache(maxsize=1)
def _first(database: SystemDatabase) -> sa.Executable:
    status = database.tables.workflow_status.c
    return (
        sa.select(status.queue_partition_key)
        .where(*claiming.is_enqueued_here(database))
        .order_by(*claiming.in_order(status))
        .limit(sa.bindparam("limit", type_=sa.Integer))
    )


@lru_cache(maxsize=1)
def _next_keys(database: SystemDatabase) -> sa.Executable:
    """One look into the index for each key, as `get_queue_partitions` of DBOS does it.

    With DISTINCT, either database would read every enqueued run.
    """
    key = database.tables.workflow_status.c.queue_partition_key
    is_enqueued = claiming.is_enqueued_here(database)
    next_one = sa.select(sa.func.min(key).label("key")).where(*is_enqueued)
    keys = next_one.where(key > sa.bindparam("after", type_=sa.Text)).cte("keys", recursive=True)
    later = next_one.where(key > keys.c.key).scalar_subquery()
    keys = keys.union_all(sa.select(later).where(keys.c.key.is_not(None)))
    query = sa.select(keys.c.key).where(keys.c.key.is_not(None))
    return query.limit(sa.bindparam("limit", type_=sa.Integer))
