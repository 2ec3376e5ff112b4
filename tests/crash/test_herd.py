"""Many runs that wait in one process; `make crash HERD=10000` has ten thousand."""

import pytest

from engine import PostgresDatabase, SqliteDatabase
from tests.crash.herd import survive
from tests.support.databases import postgres, postgres_server, sqlite

__all__ = ["postgres", "postgres_server", "sqlite"]

COUNT = 100


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_each_of_many_waits_outlives_a_kill_and_is_answered_by_its_own_event(
    kind: str, request: pytest.FixtureRequest
) -> None:
    database: SqliteDatabase | PostgresDatabase = request.getfixturevalue(kind)
    address = database.dsn if isinstance(database, PostgresDatabase) else str(database.path)
    figures = await survive(address, COUNT)
    assert figures["right"] == COUNT
    assert "wrong" not in figures
