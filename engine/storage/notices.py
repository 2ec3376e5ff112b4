"""What one process tells the others over PostgreSQL: which queues, runs and places to look at."""

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import psycopg
import sqlalchemy as sa
from pydantic import TypeAdapter, ValidationError

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


_NOTIFY = sa.select(sa.func.pg_notify(CHANNEL, sa.bindparam("text", type_=sa.Text)))


def publish(connection: sa.Connection, notice: Notice) -> None:
    """Tell the other processes when this transaction commits. SQLite has no others."""
    if notice.is_empty or connection.dialect.name != "postgresql":
        return
    text = json.dumps({key: value for key, value in asdict(notice).items() if value})
    if len(text) > MAX_BYTES:
        text = json.dumps({"sender": notice.sender, "everything": True})
    connection.execute(_NOTIFY, {"text": text})


@dataclass(frozen=True)
class Listener:
    """Who hears one channel of PostgreSQL."""

    channel: str
    hear: Callable[[str], None]
    """Takes what was said. Raises: ValidationError: it means nothing; that is logged and left."""
    connected: Callable[[], None]
    """From now on everything is heard; what was said before is lost."""
    lost: Callable[[], None] = lambda: None


def listener_for(sender: str, handle: Callable[[Notice], None]) -> Listener:
    """Hears the notices of the other processes."""

    def hear(payload: str) -> None:
        notice = _NOTICE.validate_json(payload)
        if notice.sender != sender:
            handle(notice)

    return Listener(CHANNEL, hear, lambda: handle(Notice("", everything=True)))


async def listen(dsn: str, listeners: Sequence[Listener]) -> None:
    """Hand over what other processes say; reconnects when the server was away."""
    by_channel = {listener.channel: listener for listener in listeners}
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
                for channel in by_channel:
                    await connection.execute(f"LISTEN {channel}".encode())
                for listener in listeners:
                    listener.connected()
                async for message in connection.notifies():
                    _hear(by_channel[message.channel], message.payload)
        except psycopg.OperationalError as error:
            log.warning("listener_lost", extra={"error": str(error)})
        for listener in listeners:
            listener.lost()
        await asyncio.sleep(RECONNECT_S)


def _hear(listener: Listener, payload: str) -> None:
    try:
        listener.hear(payload)
    except ValidationError:  # whoever has the database's password can say anything
        log.warning("notice_unreadable", extra={"channel": listener.channel})
