"""Where runs are kept: one SQLite file for one process, or PostgreSQL for many."""

import fcntl
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import ArgumentError

from engine.errors import BadDatabase, DatabaseInUse

BUSY_TIMEOUT_MS = 30_000  # writers queue behind each other; only a stuck one takes this long
SQLITE_POOL = 20
POSTGRES_POOL = 20
STANDSTILL_S = 10.0
LEAST_STANDSTILL_S = 5.0  # a thread may wait that long for its turn on a machine that is overloaded


@dataclass(frozen=True)
class SqliteDatabase:
    """One file, held by one process at a time, in WAL mode.

    With `synchronous` "NORMAL" the last commits may be lost when the power fails (not when the
    process dies): their steps run again. "FULL" closes that for about 0.4 ms a step.
    """

    path: Path
    synchronous: Literal["NORMAL", "FULL"] = "NORMAL"

    @property
    def url(self) -> str:
        """The SQLAlchemy address."""
        return f"sqlite:///{self.path}"

    def connect(self, *, standstill_s: float = STANDSTILL_S) -> sa.Engine:  # noqa: ARG002 - it has one process
        """A pool of connections to the file, which is created with its folder when missing."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        engine = sa.create_engine(
            self.url, pool_size=SQLITE_POOL, max_overflow=0, pool_timeout=BUSY_TIMEOUT_MS / 1000
        )
        synchronous = self.synchronous

        def set_up(connection: Any, _record: object) -> None:
            connection.isolation_level = (
                "IMMEDIATE"  # writers queue at BEGIN instead of failing later
            )
            connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
            connection.execute("PRAGMA foreign_keys=ON")
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute(f"PRAGMA synchronous={synchronous}")

        event.listen(engine, "connect", set_up)
        return engine

    @contextmanager
    def held(self) -> Generator[None]:
        """Hold the file for this process.

        Raises:
            DatabaseInUse: another process holds it.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lock = self.path.with_name(self.path.name + ".lock")
        with lock.open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                file.seek(0)
                raise DatabaseInUse(str(self.path), file.read().strip()) from error
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield


@dataclass(frozen=True)
class PostgresDatabase:
    """A PostgreSQL database that any number of processes share."""

    dsn: str

    @property
    def url(self) -> str:
        """The SQLAlchemy address, for the psycopg 3 driver."""
        return (
            sa.make_url(self.dsn)
            .set(drivername="postgresql+psycopg")
            .render_as_string(hide_password=False)
        )

    @property
    def libpq(self) -> str:
        """The address as psycopg takes it."""
        return (
            sa.make_url(self.dsn).set(drivername="postgresql").render_as_string(hide_password=False)
        )

    def connect(self, *, standstill_s: float = STANDSTILL_S) -> sa.Engine:
        """A pool of connections; what meets a lost one is tried again (see `storage.outage`).

        A process that stands still within a transaction (stopped, swapped out, cut off) holds its
        locks, and whoever wants them waits, those who would take its runs over, too: after
        `standstill_s`, and `LEAST_STANDSTILL_S`, the server ends that transaction.
        """
        engine = sa.create_engine(
            self.url, pool_size=POSTGRES_POOL, max_overflow=0, pool_timeout=30
        )

        def set_up(connection: Any, _record: object) -> None:
            milliseconds = int(max(standstill_s, LEAST_STANDSTILL_S) * 1000)
            connection.execute(f"SET idle_in_transaction_session_timeout = {milliseconds}")
            connection.commit()

        event.listen(engine, "connect", set_up)
        return engine

    @contextmanager
    def held(self) -> Generator[None]:
        """Nothing to hold: the database is made to be shared."""
        yield


def closer(engine: sa.Engine) -> Callable[[], None]:
    """What closes a pool for good, also the connections that threads still hold then."""
    closed = False

    def given_back(_connection: Any, record: Any) -> None:
        if closed:
            record.invalidate()

    def close() -> None:
        nonlocal closed
        closed = True
        engine.dispose()

    event.listen(engine, "checkin", given_back)
    return close


Database = SqliteDatabase | PostgresDatabase


def database_at(given: "Database | Path | str") -> Database:
    """A database, or the one at an address: "sqlite:///engine.db", a path, "postgresql://…".

    Raises:
        BadDatabase: there can be none.
    """
    match given:
        case SqliteDatabase() | PostgresDatabase():
            return given
        case Path():
            return SqliteDatabase(given)
        case str() if "://" in given:
            return _at_url(given)
        case str() if given.strip() and ":" not in given:
            return SqliteDatabase(Path(given))
        case _:
            raise BadDatabase(f"a {type(given).__name__}")


def _at_url(address: str) -> Database:
    scheme = address.partition(":")[0].partition("+")[0]
    try:
        url = sa.make_url(address)
    except (ArgumentError, ValueError) as error:
        raise BadDatabase(f"a {scheme} address that cannot be read") from error
    if scheme == "sqlite" and url.database not in {None, "", ":memory:"}:
        return SqliteDatabase(Path(str(url.database)))
    if scheme in {"postgres", "postgresql"}:
        return PostgresDatabase(address)
    raise BadDatabase(f"a {scheme} address")
