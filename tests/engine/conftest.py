"""Databases and started engines for the engine's tests."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any

import pytest

from engine import Database, Engine, Job
from tests.support.databases import postgres, postgres_server, sqlite

__all__ = ["postgres", "postgres_server", "sqlite"]

Start = Callable[..., Awaitable[Engine]]


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
