"""Databases and started engines for the engine's tests."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from engine import Database, Engine, Job, SqliteDatabase

Start = Callable[..., Awaitable[Engine]]


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return SqliteDatabase(tmp_path / "engine.db")


@pytest.fixture
async def start(database: Database) -> AsyncIterator[Start]:
    """`await start(jobs, provide=[…])` gives a running engine, stopped after the test."""
    async with AsyncExitStack() as stack:

        async def start_one(jobs: Sequence[Job[Any, Any]], **options: Any) -> Engine:
            options = {"database": database, "grace_s": 0.2, **options}
            return await stack.enter_async_context(Engine(jobs=jobs, **options))

        yield start_one
