"""DBOS itself: configured, launched and stopped; runs enqueued through its public client."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from dbos import DBOS, DBOSClient, DBOSConfig, Serializer

from engine.dbos import ending, private
from engine.storage import codec
from engine.storage.database import Database
from engine.storage.encryption import Encryption, opened, seal
from engine.storage.outage import Outage

WORKFLOW = "engine.run"
APPLICATION_VERSION = (
    "engine-1"  # a constant: DBOS's hash of the code would strand runs at a deploy
)
EXECUTOR_THREADS = 16  # unbounded threads give the same throughput and ten times the tail

Payload = dict[str, Any]


class JsonSerializer(Serializer):
    """Values and exceptions as JSON, sealed where there are keys.

    An exception that cannot be stored would leave a run pending.
    """

    def __init__(self, encryption: Encryption | None) -> None:
        self._encryption = encryption

    def serialize(self, data: Any) -> str:
        """JSON text."""
        return seal(self._encryption, codec.dumps(data))

    def deserialize(self, serialized_data: str) -> Any:
        """The value, or the exception, that `serialize` was given."""
        return codec.loads(opened(self._encryption, serialized_data))

    def name(self) -> str:
        """What is written beside each value."""
        return "engine_json"


@dataclass(frozen=True)
class Enqueued:
    """A run to be enqueued: which queue, with what, and from when on."""

    run_id: str
    queue: str
    payload: Payload
    delay_s: float | None = None
    priority: int | None = None
    turn: str | None = None
    """The key under which it takes its turn among the runs of its queue."""


class Host:
    """The one DBOS of this process."""

    def __init__(  # noqa: PLR0913 - named settings
        self,
        database: Database,
        pool: sa.Engine,
        *,
        app: str,
        executor_id: str,
        encryption: Encryption | None = None,
        outage: Outage | None = None,
    ) -> None:
        self._serializer = JsonSerializer(encryption)
        self._config: DBOSConfig = {
            "name": app,
            "application_version": APPLICATION_VERSION,
            "executor_id": executor_id,
            "system_database_url": database.url,
            "system_database_engine": pool,
            "serializer": self._serializer,
            "log_level": "CRITICAL",  # what matters is logged by the engine, with run ids
            # Its waits are not used; the interval is only how long its listener takes to stop.
            "notification_listener_polling_interval_sec": 0.05,
            "max_executor_threads": EXECUTOR_THREADS,
            "use_listen_notify": False,  # for waits of DBOS's own, which are not used
        }
        self._client: DBOSClient | None = None
        self._app = app
        self._executor_id = executor_id
        self._outage = outage or Outage()
        self._pool = pool
        self._url = database.url

    async def start(self, body: Callable[[Payload], Awaitable[Any]], at_end: ending.AtEnd) -> None:
        """Launch, with `body` as what every run executes on the calling loop.

        Runs that this executor id had when it died go back to their queues.
        """
        loop = asyncio.get_running_loop()

        async def run(payload: Payload) -> Any:
            return await body(payload)

        with ThreadPoolExecutor(max_workers=1) as thread:
            await loop.run_in_executor(thread, self._launch, run, loop)
        pool = private.with_schema(self._pool)
        ending.settle_at_end(pool, self._outage, at_end)

    def _launch(
        self, run: Callable[[Payload], Awaitable[Any]], loop: asyncio.AbstractEventLoop
    ) -> None:
        logging.getLogger("dbos").setLevel(logging.CRITICAL)
        DBOS(config=self._config)
        DBOS.workflow(name=WORKFLOW, max_recovery_attempts=None)(run)  # see claiming
        DBOS.listen_queues([])  # the engine claims runs itself
        private.adopt_loop(loop)
        private.calm()
        private.recover_own(self._pool, self._executor_id)
        DBOS.launch()
        private.measure_ms()
        self._client = DBOSClient(
            system_database_url=self._url,
            system_database_engine=self._pool,
            serializer=self._serializer,
            application_name=self._app,
            lazy=True,
        )

    async def stop(self) -> None:
        """Stop DBOS. Runs must have ended or been handed over before."""
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(max_workers=1) as thread:
            await loop.run_in_executor(thread, lambda: DBOS.destroy(destroy_registry=True))
        # DBOS made its own pool the loop's default, and has just closed it.
        loop.set_default_executor(ThreadPoolExecutor(thread_name_prefix="asyncio"))

    def enqueue(self, connection: sa.Connection, run: Enqueued) -> None:
        """Enqueue a run as part of the caller's transaction; an id that exists changes nothing."""
        if self._client is None:
            raise RuntimeError("the host has not been started")
        options: Any = {
            "workflow_name": WORKFLOW,
            "queue_name": run.queue,
            "workflow_id": run.run_id,
            "app_version": APPLICATION_VERSION,
        }
        if run.delay_s is not None:
            options["delay_seconds"] = run.delay_s
        if run.priority is not None:
            options["priority"] = run.priority
        if run.turn is not None:
            options["queue_partition_key"] = run.turn
        self._client.enqueue_in_transaction(connection, options, run.payload)
