"""How messages reach those who listen: directly in this process, by NOTIFY in the others."""

import asyncio
import json
from collections.abc import Sequence
from time import monotonic
from typing import Protocol

import sqlalchemy as sa
from pydantic import TypeAdapter

from core.errors import Transient
from core.ids import new_id
from engine.dbos import dbos_rows
from engine.errors import RunLost
from engine.live import LiveRun
from engine.realtime.hub import Hub
from engine.realtime.messages import KeptMessage, WireMessage, decode
from engine.storage import tables
from engine.storage.notices import MAX_BYTES, Listener
from engine.storage.transactions import Ledger

CHANNEL = "engine_realtime"
KEEP_MS = 60_000
LISTEN_S = 10.0  # a subscription waits this long for the database to be heard


class NotListening(Transient):
    """The connection on which other processes are heard is down."""

    code = "not_listening"


class Publisher(Protocol):
    """Brings messages to those who listen now; stores nothing."""

    async def publish(self, message: WireMessage, run: LiveRun | None) -> None:
        """Send it, as a run or from outside runs.

        Raises:
            asyncio.CancelledError: the run has been stopped, or is another process's now.
        """
        ...

    async def publish_all(self, messages: Sequence[WireMessage]) -> None:
        """Send these, in their order, from outside runs: at once, however many."""
        ...

    async def listening(self) -> None:
        """Wait until everything that is said from now on is heard. Raises: NotListening."""
        ...

    async def read_kept(self, kept: KeptMessage) -> WireMessage | None:
        """What was too large to travel; None when it is gone."""
        ...

    def listeners(self) -> list[Listener]:
        """Who is to hear what other processes say."""
        ...


class LocalPublisher(Publisher):
    """For the one process of a SQLite file: nothing is written.

    `cancel` returns after it has marked the live run as stopped, and nothing can come between the
    look at that mark and the delivery. For a run that was cancelled just before it became live,
    which has no such mark, the database is asked.
    """

    def __init__(self, hub: Hub, ledger: Ledger) -> None:
        self._hub = hub
        self._ledger = ledger

    async def publish(self, message: WireMessage, run: LiveRun | None) -> None:  # noqa: D102
        if run is not None and run.proved_at is None:
            asked_at = monotonic()
            if not await self._ledger.transact(dbos_rows.holds, run.run_id):
                raise RunLost(run.run_id)
            run.proved_at = asked_at
        check_going_on(run)
        self._hub.deliver(message)

    async def publish_all(self, messages: Sequence[WireMessage]) -> None:  # noqa: D102
        for message in messages:
            self._hub.deliver(message)

    async def listening(self) -> None:  # noqa: D102
        return

    async def read_kept(self, kept: KeptMessage) -> WireMessage | None:  # noqa: D102
        raise AssertionError(f"{kept} was sent by nobody")

    def listeners(self) -> list[Listener]:  # noqa: D102
        return []


class PostgresPublisher(Publisher):
    """For many processes: the listeners of this one are served directly, the others by NOTIFY."""

    def __init__(self, hub: Hub, ledger: Ledger, executor_id: str) -> None:
        self._hub = hub
        self._ledger = ledger
        self._executor_id = executor_id
        self._is_connected = asyncio.Event()

    async def publish(self, message: WireMessage, run: LiveRun | None) -> None:  # noqa: D102
        check_going_on(run)
        run_id = None if run is None else run.run_id
        if not await self._ledger.transact(self._notify, message, run_id, new_id("kept")):
            raise RunLost(run_id or "")
        self._hub.deliver(message)

    async def publish_all(self, messages: Sequence[WireMessage]) -> None:  # noqa: D102
        keys = [new_id("kept") for _ in messages]
        await self._ledger.transact(self._notify_all, messages, keys)
        for message in messages:
            self._hub.deliver(message)

    def _notify_all(
        self, connection: sa.Connection, messages: Sequence[WireMessage], keys: Sequence[str]
    ) -> None:
        for message, key in zip(messages, keys, strict=True):
            self._notify(connection, message, None, key)

    def _notify(
        self, connection: sa.Connection, message: WireMessage, run_id: str | None, key: str
    ) -> bool:
        if run_id is not None and not dbos_rows.holds(connection, run_id):
            return False
        encoded = message.encode()
        payload = f"{json.dumps([self._executor_id])}\n{encoded}"
        if len(payload.encode()) > MAX_BYTES:
            row = {"id": key, "body": encoded, "at": tables.POSTGRES_NOW_MS}
            connection.execute(sa.insert(tables.message).values(**row))
            payload = json.dumps([self._executor_id, message.channel, message.topic, key])
        connection.execute(sa.select(sa.func.pg_notify(CHANNEL, payload)))
        return True

    def hear(self, payload: str) -> None:
        """Deliver what another process has said. Raises: ValidationError: it is not one of ours."""
        head, _, encoded = payload.partition("\n")
        sender, *kept = _HEAD.validate_json(head)
        if sender == self._executor_id:
            return  # its listeners have it already
        self._hub.deliver(KeptMessage(*kept) if kept else decode(encoded))

    def connected(self) -> None:
        """From now on everything is heard."""
        self._is_connected.set()

    def lost(self) -> None:
        """Until `connected` nothing is heard."""
        self._is_connected.clear()

    async def listening(self) -> None:  # noqa: D102
        try:
            async with asyncio.timeout(LISTEN_S):
                await self._is_connected.wait()
        except TimeoutError:
            raise NotListening("the database that brings messages does not answer") from None

    async def read_kept(self, kept: KeptMessage) -> WireMessage | None:  # noqa: D102
        return await self._ledger.transact(_read_kept, kept.key)

    def listeners(self) -> list[Listener]:  # noqa: D102
        return [Listener(CHANNEL, self.hear, self.connected, self.lost)]


_HEAD = TypeAdapter(tuple[str] | tuple[str, str, str, str])
"""Who sent it, and for a message that is kept its channel, topic and key."""


def check_going_on(run: LiveRun | None) -> None:
    """Raise CancelledError once the run has been stopped: nothing is said after that."""
    if run is not None and (run.stopped is not None or run.has_ended):
        raise asyncio.CancelledError(f"run {run.run_id} has been stopped")


def _read_kept(connection: sa.Connection, key: str) -> WireMessage | None:
    query = sa.select(tables.message.c.body).where(tables.message.c.id == key)
    body = connection.execute(query).scalar()
    return None if body is None else decode(body)


def forget_kept(connection: sa.Connection) -> None:
    """Delete the large messages that nobody needs any more."""
    at = tables.message.c.at
    connection.execute(sa.delete(tables.message).where(at < tables.POSTGRES_NOW_MS - KEEP_MS))
