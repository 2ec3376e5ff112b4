"""A database that is away or full: how that looks, and waiting until it has passed."""

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable
from functools import wraps
from time import monotonic
from typing import ParamSpec, TypeVar

from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger("engine.outage")

TRY_EVERY_S = 0.25
DISK_FULL = "53100"  # PostgreSQL's


class Outage:
    """What one engine knows of its database's outages. Loop and threads share it."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._is_stopping = threading.Event()

    def stop(self) -> None:
        """The engine stops: nothing waits for the database any more."""
        self._is_stopping.set()

    @property
    def is_stopping(self) -> bool:
        """Whether `stop` has been called."""
        return self._is_stopping.is_set()

    def passes(self, error: BaseException) -> bool:
        """Whether the database is away or full, as opposed to refusing; said in the log once."""
        if not (is_away(error) or is_full(error)):
            return False
        if self._since is None:
            self._since = monotonic()
            name = type(getattr(error, "orig", error)).__name__
            log.warning("database_away", extra={"error": name, "full": is_full(error)})
        return True

    def ended(self) -> None:
        """A transaction has been committed."""
        since, self._since = self._since, None
        if since is not None:
            log.warning("database_back", extra={"away_s": round(monotonic() - since, 3)})

    def waited_out(self, work: Callable[P, T]) -> Callable[P, T]:
        """`work`, which blocks, tried again and again until the database takes it.

        It must be safe twice: a commit may have been made and its answer lost.

        Raises:
            CancelledError: the engine stopped before that. The run is another's to go on with,
                and an ordinary error would be taken for its own failure.
        """

        @wraps(work)
        def patient(*args: P.args, **kwargs: P.kwargs) -> T:
            while True:
                try:
                    done = work(*args, **kwargs)
                except SQLAlchemyError as error:
                    if not self.passes(error):
                        raise
                    if self._is_stopping.wait(TRY_EVERY_S):
                        raise asyncio.CancelledError("the database is away") from error
                else:
                    self.ended()
                    return done

        return patient


def is_away(error: BaseException) -> bool:
    """Whether the database may be back soon."""
    if isinstance(error, PoolTimeout):  # no connection became free
        return True
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    if isinstance(error.orig, sqlite3.Error):
        return _sqlite_code(error.orig) in {"SQLITE_BUSY", "SQLITE_LOCKED"}
    return isinstance(error, OperationalError)


def is_full(error: BaseException) -> bool:
    """Whether the database has no room for what it was to store."""
    if not isinstance(error, DBAPIError):
        return False
    if isinstance(error.orig, sqlite3.Error):
        # A limit on the size of files comes as an error of writing.
        code = _sqlite_code(error.orig)
        return code == "SQLITE_FULL" or code.startswith("SQLITE_IOERR")
    return getattr(error.orig, "sqlstate", None) == DISK_FULL


def _sqlite_code(error: sqlite3.Error) -> str:
    return getattr(error, "sqlite_errorname", None) or ""
