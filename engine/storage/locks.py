"""Keeping transactions apart that do not touch the same rows, on PostgreSQL.

On SQLite there is one writer at a time, from its first write on.
"""

import hashlib

import sqlalchemy as sa

_ALONE = sa.select(sa.func.pg_advisory_xact_lock(sa.bindparam("number", type_=sa.BigInteger)))
_SHARED = sa.select(
    sa.func.pg_advisory_xact_lock_shared(sa.bindparam("number", type_=sa.BigInteger))
)


def lock_key(connection: sa.Connection, key: str) -> None:
    """Keep others off a key until this transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(_ALONE, {"number": _number(key)})


def share_key(connection: sa.Connection, key: str) -> None:
    """Keep off the key those who want it alone, and let in others who share it."""
    if connection.dialect.name == "postgresql":
        connection.execute(_SHARED, {"number": _number(key)})


def _number(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=7).digest())
