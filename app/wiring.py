"""Composition: which implementation stands behind each port, and what is started in which order."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

from fastapi import FastAPI

from agent.definition import Limits
from app.convex import ConvexAccess, convex_access
from app.http.application import create_application
from app.http.context import Services
from app.http.rates.buckets import MemoryBuckets
from app.http.rates.limits import RateClass, RateLimits
from app.http.rates.postgres import PostgresBuckets
from app.http.serving.server import serving
from app.identity.issuer import Identity, identity_of
from app.identity.tokens import Authenticator
from app.models import model_of, prepare
from app.observe.tracing import tracing
from app.ready_file import announced
from app.services.engine import EngineAccess
from app.services.generating import Generating
from app.services.health import Health
from app.services.messages import Messaging
from app.services.streams import Streams
from app.settings import Settings, SettingsInvalid
from app.tools import AGENT_TOOLS, owned_by_worker
from core.clock import SystemClock
from engine import Database, Engine, Middleware, NoSuchRun, PostgresDatabase, SqliteDatabase
from jobs.agents import Agents
from jobs.answer.reap import Reaper, ReapTimes
from jobs.files.folders import ProjectFolders, own_folder
from jobs.files.sweep import FolderSweeper
from jobs.outbox import Relay
from jobs.registry import JOBS
from llm.model import Model
from store.deltas import DeltaLimits
from store.gateway import Store

log = logging.getLogger(__name__)

CLOCK = SystemClock()

Work = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Backend:
    """What API and worker both stand on, started."""

    convex: ConvexAccess
    store: Store
    engine: Engine
    relay: Relay
    reaper: Reaper


@asynccontextmanager
async def development(
    settings: Settings, identity: Identity, convex: Awaitable[ConvexAccess]
) -> AsyncGenerator[Mapping[str, object]]:
    """`polaris dev`: API and worker on a Convex that may still be starting; the ready line."""
    model = model_of(settings)
    async with (
        backend_of(settings, await convex, model) as backend,
        in_background(backend.relay.run, backend.reaper.run),
        front(settings, identity, backend) as ready,
        in_background(partial(prepare, model)),
    ):
        with announced(settings.data_dir, ready):
            yield ready


@asynccontextmanager
async def api(settings: Settings) -> AsyncGenerator[Mapping[str, object]]:
    """`polaris api`: HTTP alone; runs are worked on elsewhere. Raises: SettingsInvalid."""
    require_shared(settings)
    identity = identity_of(settings, CLOCK)
    async with (
        convex_access(settings, identity) as convex,
        backend_of(settings, convex, None) as backend,
        in_background(backend.relay.run),
        front(settings, identity, backend) as ready,
    ):
        yield ready


@asynccontextmanager
async def worker(settings: Settings) -> AsyncGenerator[Mapping[str, object]]:
    """`polaris worker`: runs jobs; serves nothing. Raises: SettingsInvalid."""
    require_shared(settings)
    model = model_of(settings)
    async with (
        convex_access(settings, None) as convex,
        backend_of(settings, convex, model) as backend,
        in_background(backend.relay.run, backend.reaper.run, partial(prepare, model)),
    ):
        yield {"worker": backend.engine.executor_id, "convex": backend.convex.url}


@asynccontextmanager
async def backend_of(
    settings: Settings, convex: ConvexAccess, model: Model | None
) -> AsyncGenerator[Backend]:
    """The store over Convex and the engine, in this order; closed in the other.

    Without a `model` the engine sends and cancels, and leaves the runs to other processes.
    """
    async with (
        open_store(settings, convex) as store,
        open_engine(settings, store, model) as engine,
    ):
        relay = Relay(store.outbox, engine)
        reaper = Reaper(store, engine, CLOCK, ReapTimes())
        yield Backend(convex, store, engine, relay, reaper)


@asynccontextmanager
async def front(
    settings: Settings, identity: Identity, backend: Backend
) -> AsyncGenerator[Mapping[str, object]]:
    """The HTTP API over a backend; gives the ready line once it accepts requests."""
    async with rates_of(settings) as rates:
        services = services_of(settings, identity, backend, rates)
        app = create_application(services, settings, CLOCK)
        async with serve(app, settings) as url:
            ready: dict[str, object] = {"api": url, "convex": backend.convex.url}
            if identity.token is not None:
                ready["token"] = identity.token
            try:
                yield ready
            finally:
                services.streams.close()


@asynccontextmanager
async def operator_access(settings: Settings) -> AsyncGenerator[EngineAccess]:
    """The engine's database alone, for an operator; with CONVEX_URL, the store as well."""
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(engine_of(settings, works=False))
        messaging: Messaging | None = None
        if settings.convex_url is not None:
            convex = await stack.enter_async_context(convex_access(settings, None))
            store = await stack.enter_async_context(open_store(settings, convex))
            relay = Relay(store.outbox, engine)
            messaging = Messaging(store, relay, engine.inspect, settings.busy_policy.value)
        yield EngineAccess(engine, messaging, has_operator=True)


def require_shared(settings: Settings) -> None:
    """Parts that run apart meet in PostgreSQL and Convex. Raises: SettingsInvalid."""
    missing = [
        f"{variable}: needed when API and worker are processes of their own"
        for variable, value in (
            ("POLARIS_DATABASE_URL", settings.database_url),
            ("CONVEX_URL", settings.convex_url),
        )
        if value is None
    ]
    if missing:
        raise SettingsInvalid("\n".join(missing))


def open_store(settings: Settings, convex: ConvexAccess) -> Store:
    """The store over Convex's HTTP API."""
    limits = DeltaLimits(interval_s=settings.flush_ms / 1000)
    return Store(convex.url, internal_key=convex.internal_key, delta_limits=limits)


def database_of(settings: Settings) -> Database:
    """PostgreSQL when it is configured, else one SQLite file."""
    if settings.database_url is not None:
        return PostgresDatabase(settings.database_url.get_secret_value())
    return SqliteDatabase(settings.data_dir / "engine.sqlite")


@asynccontextmanager
async def open_engine(
    settings: Settings, store: Store, model: Model | None
) -> AsyncGenerator[Engine]:
    """The engine with every job of the product; with a model, it works and has what jobs need."""
    async with AsyncExitStack() as stack:
        needs: list[object] = []
        sweeps: list[Work] = []
        if model is not None:
            folder = stack.enter_context(own_folder(settings.data_dir / "workspaces"))
            folders = ProjectFolders(store, folder)
            owned = await stack.enter_async_context(owned_by_worker(settings, CLOCK))
            needs += [store, agents_of(settings, model), folders, owned]
            sweeps.append(FolderSweeper(store, folders).run)
        async with (
            engine_of(settings, works=model is not None, provide=needs) as engine,
            in_background(*sweeps),
        ):
            yield engine


@asynccontextmanager
async def engine_of(
    settings: Settings, *, works: bool, provide: Sequence[object] = ()
) -> AsyncGenerator[Engine]:
    """The engine over its database, with what watches it."""
    with tracing(settings) as telemetry:
        watching = (telemetry, sentry_tags(settings))
        async with Engine(
            jobs=JOBS,
            database=database_of(settings),
            provide=provide,
            middleware=[each for each in watching if each is not None],
            encryption=settings.encryption,
            name="polaris",
            works=works,
            grace_s=settings.grace_s,
            clock=CLOCK,
        ) as engine:
            yield engine


def sentry_tags(settings: Settings) -> Middleware | None:
    """What tags the reports of runs; None where nothing is reported."""
    if settings.sentry_dsn is None:
        return None
    from app.observe.sentry import SentryTags  # noqa: PLC0415 - its SDK, for who reports

    return SentryTags()


def agents_of(settings: Settings, model: Model) -> Agents:
    """Who answers: what each run chooses from."""
    limits = Limits(
        max_turns=settings.max_steps,
        history_tokens=settings.history_tokens,
        longest_wait_s=settings.model_wait_s,
    )
    return Agents(model, AGENT_TOOLS, limits)


@asynccontextmanager
async def rates_of(settings: Settings) -> AsyncGenerator[RateLimits]:
    """What a person may ask for: counted by this process, or with PostgreSQL by all together."""
    per_minute = {
        RateClass.READS: settings.rate_reads,
        RateClass.WRITES: settings.rate_writes,
        RateClass.MESSAGES: settings.rate_messages,
        RateClass.STREAMS: settings.rate_streams,
    }
    alone = MemoryBuckets(CLOCK)
    if settings.database_url is None:
        yield RateLimits(alone, per_minute)
        return
    dsn = PostgresDatabase(settings.database_url.get_secret_value()).libpq
    async with PostgresBuckets(dsn, alone) as shared:
        yield RateLimits(shared, per_minute)


def services_of(
    settings: Settings, identity: Identity, backend: Backend, rates: RateLimits
) -> Services:
    """What the routes use."""
    checks = {"store": backend.store.ping, "engine": partial(engine_answers, backend.engine)}
    inspect, policy = backend.engine.inspect, settings.busy_policy.value
    messaging = Messaging(backend.store, backend.relay, inspect, policy)
    return Services(
        store=backend.store,
        messaging=messaging,
        generating=Generating(backend.store, backend.relay, inspect, messaging, CLOCK),
        authenticator=Authenticator.of(identity, CLOCK),
        rates=rates,
        health=Health(checks, CLOCK),
        engine=EngineAccess(backend.engine, messaging, has_operator=identity.token is not None),
        streams=Streams(backend.engine),
        clock=CLOCK,
    )


async def engine_answers(engine: Engine) -> None:
    """Read from the engine's database; whatever is wrong with it is raised."""
    with suppress(NoSuchRun):
        await engine.run("a-run-that-never-was")


@asynccontextmanager
async def serve(app: FastAPI, settings: Settings) -> AsyncGenerator[str]:
    """Serve the API while the block runs; its URL.

    A port that nobody asked for gives way to a free one when it is taken.
    """
    is_default = "port" not in settings.model_fields_set
    async with AsyncExitStack() as stack:
        try:
            url = await stack.enter_async_context(
                serving(app, host=settings.host, port=settings.port, grace_s=settings.grace_s)
            )
        except OSError:
            if not is_default:
                raise
            log.warning("port_taken", extra={"port": settings.port})
            url = await stack.enter_async_context(
                serving(app, host=settings.host, port=0, grace_s=settings.grace_s)
            )
        yield url


@asynccontextmanager
async def in_background(*works: Work) -> AsyncGenerator[None]:
    """Run `works` beside the block; one that breaks ends the block, and so the process."""
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(_coroutine(work)) for work in works]
        try:
            yield
        finally:
            for task in running:
                task.cancel()


async def _coroutine(work: Work) -> None:
    await work()
