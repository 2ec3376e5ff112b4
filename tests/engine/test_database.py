"""Where runs are kept: one process per SQLite file, tables of a known version."""

import logging
import subprocess
import sys

import pytest
import sqlalchemy as sa

from engine import DatabaseInUse, DatabaseTooNew, Engine, SqliteDatabase
from engine.storage.tables import VERSION
from tests.engine.conftest import Start

HOLD = """
import sys
from pathlib import Path
from engine import SqliteDatabase
with SqliteDatabase(Path(sys.argv[1])).held():
    print("held", flush=True)
    sys.stdin.read()
"""


async def test_file_that_another_process_holds_is_refused_and_says_by_whom(
    sqlite: SqliteDatabase,
) -> None:
    with subprocess.Popen(  # noqa: S603, ASYNC220 - our own code, and nothing else to do meanwhile
        [sys.executable, "-c", HOLD, str(sqlite.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(DatabaseInUse, match=str(holder.pid)):
            await Engine(jobs=[], database=sqlite).__aenter__()
        holder.communicate()
    async with Engine(jobs=[], database=sqlite):
        pass


async def test_sqlite_file_is_in_wal_mode(start: Start, sqlite: SqliteDatabase) -> None:
    await start([], database=sqlite)
    engine = sqlite.connect()
    with engine.connect() as connection:
        assert connection.execute(sa.text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(sa.text("PRAGMA synchronous")).scalar() == 1
    engine.dispose()


async def test_tables_of_newer_code_are_refused(sqlite: SqliteDatabase) -> None:
    async with Engine(jobs=[], database=sqlite):
        pass
    pool = sqlite.connect()
    with pool.begin() as connection:
        connection.execute(sa.text("UPDATE engine_schema SET version = :v"), {"v": VERSION + 1})
    pool.dispose()
    with pytest.raises(DatabaseTooNew, match=f"v{VERSION + 1}"):
        await Engine(jobs=[], database=sqlite).__aenter__()


async def test_dbos_stays_silent(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        await start([])
    assert [record for record in caplog.records if record.name.startswith("dbos")] == []
