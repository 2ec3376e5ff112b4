"""What one process tells the others over PostgreSQL: which queues, runs and places to look at."""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass

import psycopg
import sqlalchemy as sa
from pydantic import TypeAdapter

log = logging.getLogger("engine.notices")

CHANNEL = "engine"
MAX_BYTES = 7900  # PostgreSQL's bound is 8000
RECONNECT_S = 1.0


@dataclass(frozen=True)
class Notice:
    """Hints, never facts: whoever gets one looks at the database. Polls find what gets lost."""

    sender: str
    queues: tuple[str, ...] = ()
    cancelled: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()
    woken: tuple[tuple[str, str], ...] = ()
    """Run and step id of waits that have been answered."""
    places: tuple[tuple[str, str, int], ...] = ()
    pauses_changed: bool = False
    everything: bool = False
    """There was too much to list, or notices may have been missed."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to tell."""
        lists = (self.queues, self.cancelled, self.ended, self.woken, self.places)
        return not any(lists) and not self.everything and not self.pauses_changed


_NOTICE = TypeAdapter(Notice)


def publish(connection: sa.Connection, notice: Notice) -> None:
    """Tell the other processes when this transaction commits. SQLite has no others."""
    if notice.is_empty or connection.dialect.name != "postgresql":
        return
    text = json.dumps({key: value for key, value in asdict(notice).items() if value})
    if len(text) > MAX_BYTES:
        text = json.dumps({"sender": notice.sender, "everything": True})
    connection.execute(sa.select(sa.func.pg_notify(CHANNEL, text)))


async def listen(dsn: str, sender: str, handle: Callable[[Notice], None]) -> None:
    """Hand over what other processes publish; reconnects when the server was away."""
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
                await connection.execute(f"LISTEN {CHANNEL}".encode())
                handle(Notice("", everything=True))  # whatever was said before is lost
                async for message in connection.notifies():
                    notice = _NOTICE.validate_json(message.payload)
                    if notice.sender != sender:
                        handle(notice)
        except psycopg.OperationalError as error:
            log.warning("listener_lost", extra={"error": str(error)})
        await asyncio.sleep(RECONNECT_S)
