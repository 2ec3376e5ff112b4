"""Composition: which implementation stands behind each port, and what is started in which order."""

import logging
from collections.abc import AsyncGenerator, Awaitable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

from fastapi import FastAPI

from app.backend import CLOCK, Backend, backend_of, engine_of, open_store
from app.billing import gate_of
from app.convex import ConvexAccess, convex_access
from app.github import accounts_of, connecting_of, github_server_of, has_github
from app.http.application import create_application
from app.http.context import Services
from app.http.preview.server import previewing
from app.http.rates.buckets import MemoryBuckets
from app.http.rates.limits import RateClass, RateLimits
from app.http.rates.postgres import PostgresBuckets
from app.http.serving.server import serving
from app.identity.issuer import Identity, identity_of
from app.identity.tokens import Authenticator
from app.listening import bind, url_of
from app.models import model_of, offers_of, prepare
from app.ready_file import announced
from app.services.account.exporting import Exporting
from app.services.account.whole import WholeAccount
from app.services.asking import Asking
from app.services.attaching import Attaching
from app.services.chatting import Chatting
from app.services.choosing import Choosing
from app.services.clients.events import ClientEvents
from app.services.clients.keys import OwnedKeys
from app.services.clients.scheduling import Scheduling
from app.services.clients.triggering import Triggering
from app.services.completing import Completing
from app.services.configuring import Configuring
from app.services.editing import Editing
from app.services.engine import EngineAccess
from app.services.following import Following
from app.services.generating import Generating
from app.services.health import Health
from app.services.mcp.endpoint import McpEndpoint
from app.services.mcp.named import NamedServers
from app.services.mcp.project_tools import ProjectTools
from app.services.mcp.tokens import McpTokens
from app.services.messages import Messaging
from app.services.metering import Metering
from app.services.previews import Previews, connect_here
from app.services.processes import ProjectProcesses
from app.services.sealing import sealing_of
from app.services.searching import Searching
from app.services.session import SessionFacts
from app.services.streams import Streams
from app.services.terminals import Terminals
from app.services.transfers import Transferring
from app.settings import Settings, SettingsInvalid
from app.tools import MCP_TOOLS, page_at
from core.background import in_background
from engine import Engine, NoSuchRun, PostgresDatabase
from jobs.answer.live_answers import LiveAnswers
from jobs.outbox import Relay
from llm.closing import freed
from tools.lsp.language_servers import LanguageServers
from tools.lsp.servers import is_installed
from tools.place import Provided
from tools.sandbox.elsewhere import ServerRelay, Workers, relay_key, relaying
from tools.sandbox.processes import Processes
from tools.sandbox.sandbox import Sandbox

log = logging.getLogger(__name__)


@asynccontextmanager
async def development(
    settings: Settings, identity: Identity, convex: Awaitable[ConvexAccess]
) -> AsyncGenerator[Mapping[str, object]]:
    """`polaris dev`: API and worker on a Convex that may still be starting; the ready line."""
    async with (
        freed(model_of(settings)) as model,
        backend_of(settings, await convex, model) as backend,
        in_background(backend.relay.run, backend.reaping),
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
    async with (
        freed(model_of(settings)) as model,
        convex_access(settings, None) as convex,
        backend_of(settings, convex, model) as backend,
        in_background(backend.relay.run, backend.reaping, partial(prepare, model)),
        relay_of(settings, backend) as relay,
    ):
        yield {"worker": backend.engine.executor_id, "convex": backend.convex.url, **relay}


@asynccontextmanager
async def relay_of(settings: Settings, backend: Backend) -> AsyncGenerator[Mapping[str, object]]:
    """The way of API processes to servers in this worker's sandbox, if one is wanted."""
    if settings.preview_relay is None:
        yield {}
        return
    place = backend.workplace
    key = relay_key(backend.convex.internal_key)
    relay = ServerRelay(
        partial(connect_here, place.folders, place.owned(Sandbox)), key=key, clock=CLOCK
    )
    host, _, port = settings.preview_relay.rpartition(":")
    listener = bind(host.strip("[]"), int(port))
    async with relaying(relay, listener):
        yield {"previews": url_of(listener).partition("//")[2]}


@asynccontextmanager
async def front(
    settings: Settings, identity: Identity, backend: Backend
) -> AsyncGenerator[Mapping[str, object]]:
    """The HTTP API over a backend; gives the ready line once it accepts requests."""
    async with rates_of(settings) as rates, rooms_of(settings, backend) as rooms:
        services = services_of(settings, identity, backend, rates, rooms)
        app = create_application(services, settings, CLOCK)
        async with (
            in_background(services.mcp.run, services.following.run, services.metering.run),
            serve(app, settings) as url,
        ):
            ready: dict[str, object] = {"api": url, "convex": backend.convex.url}
            if identity.token is not None:
                ready["token"] = identity.token
                ready["web"] = f"{url}/#token={identity.token}"  # a fragment reaches no log
            try:
                yield ready
            finally:
                services.streams.close()
                services.following.close()
                services.mcp.close()
                services.terminals.close()
                services.editing.close()


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
            policy = settings.policy_when_busy.value
            messaging = Messaging(store, relay, engine.inspect, policy, LiveAnswers())
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


@dataclass(frozen=True)
class Rooms:
    """What people see and do in the sandbox themselves, beside the agent."""

    terminals: Terminals
    previews: Previews
    processes: ProjectProcesses
    editing: Editing


@asynccontextmanager
async def rooms_of(settings: Settings, backend: Backend) -> AsyncGenerator[Rooms]:
    """Terminals, previews and editors, in the folders of this process."""
    folders, owned = backend.workplace.folders, backend.workplace.owned
    async with AsyncExitStack() as stack:
        key = relay_key(backend.convex.internal_key)
        workers = Workers(settings.preview_workers, key=key, clock=CLOCK)
        previews = Previews(folders, owned(Sandbox), CLOCK, workers)
        if settings.preview_origin is not None or settings.is_loopback:
            shown = previewing(previews, host=settings.host, port=settings.preview_port)
            port = (await stack.enter_async_context(shown)).rpartition(":")[2]
            previews.origin = settings.preview_origin or f"http://localhost:{port}"
        terminals = Terminals(backend.store, folders, owned(Sandbox))
        await stack.enter_async_context(terminals)
        editing = await stack.enter_async_context(Editing(folders, owned(LanguageServers)))
        processes = ProjectProcesses(backend.store, folders, owned(Processes))
        yield Rooms(terminals, previews, processes, editing)


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
    settings: Settings,
    identity: Identity,
    backend: Backend,
    rates: RateLimits,
    rooms: Rooms,
) -> Services:
    """What the routes use."""
    checks = {"store": backend.store.ping, "engine": partial(engine_answers, backend.engine)}
    inspect, policy = backend.engine.inspect, settings.policy_when_busy.value
    messaging = Messaging(backend.store, backend.relay, inspect, policy, backend.workplace.live)
    attaching, asking = Attaching(backend.store), Asking(backend.store, backend.relay)
    accounts = accounts_of(settings, backend.store, CLOCK)
    gate = gate_of(settings, backend.store)
    access = EngineAccess(backend.engine, messaging, has_operator=identity.token is not None)
    return Services(
        store=backend.store,
        account=WholeAccount(backend.store, backend.relay, Exporting(backend.store, CLOCK)),
        messaging=messaging,
        attaching=attaching,
        choosing=Choosing(offers_of(settings)),
        asking=asking,
        chatting=Chatting(backend.store, messaging, attaching, asking),
        completing=Completing(backend.small_model, partial(page_at, backend.workplace.owned)),
        generating=Generating(backend.store, backend.relay, inspect, messaging, CLOCK, gate),
        following=Following(backend.store),
        metering=Metering(backend.store.usage),
        authenticator=Authenticator.of(identity, CLOCK),
        searching=Searching(backend.workplace.folders),
        session=session_of(settings, rooms, backend.workplace.owned),
        rates=rates,
        health=Health(checks, CLOCK),
        engine=access,
        streams=Streams(backend.engine),
        mcp=mcp_of(settings, backend),
        mcp_servers=NamedServers(backend.store, sealing_of(settings)),
        configuring=Configuring(backend.store, settings.package_registries),
        terminals=rooms.terminals,
        previews=rooms.previews,
        processes=rooms.processes,
        editing=rooms.editing,
        transfers=Transferring(
            backend.store,
            backend.relay,
            github_server_of(settings),
            accounts,
            CLOCK,
            gate,
        ),
        plans=gate,
        connecting=connecting_of(settings, accounts, CLOCK),
        clients=ClientEvents(
            backend.client_tasks,
            access,
            OwnedKeys.of(settings.event_keys),
            OwnedKeys.of(settings.signing_keys, are_signing=True),
        ),
        triggering=Triggering(
            backend.client_tasks, access, OwnedKeys.of(settings.trigger_keys), CLOCK
        ),
        scheduling=Scheduling(backend.client_tasks, backend.engine, CLOCK),
        clock=CLOCK,
    )


def session_of(settings: Settings, rooms: Rooms, owned: Provided) -> SessionFacts:
    """What pages are told before anybody has signed in."""
    has_models = bool(offers_of(settings))
    sandbox = owned(Sandbox)
    servers = owned(LanguageServers).servers if sandbox.kind is not None else ()
    return SessionFacts(
        issuer=settings.auth_issuer,
        audience=settings.auth_audience,
        client_id=settings.oidc_client_id,
        scopes=settings.oidc_scopes,
        cookies=settings.session_cookies,
        features={
            "models": has_models,
            "generate": has_models,
            "github": has_github(settings),
            "terminal": sandbox.kind is not None,
            "preview": rooms.previews.are_possible,
        },
        language_servers={each.name: each.languages for each in servers if is_installed(each)},
    )


def mcp_of(settings: Settings, backend: Backend) -> McpEndpoint:
    """Our tools, for MCP clients."""
    place = backend.workplace
    return McpEndpoint(
        McpTokens(backend.store),
        ProjectTools(backend.store, place.folders, place.owned, MCP_TOOLS),
        origins=settings.cors_origins,
        body_bytes=settings.file_limit_bytes,
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

    def on(port: int) -> AbstractAsyncContextManager[str]:
        return serving(
            app,
            host=settings.host,
            port=port,
            grace_s=settings.grace_s,
            trusted_proxies=settings.trusted_proxies,
        )

    async with AsyncExitStack() as stack:
        try:
            url = await stack.enter_async_context(on(settings.port))
        except OSError:
            if settings.is_port_chosen:
                raise
            log.warning("port_taken", extra={"port": settings.port})
            url = await stack.enter_async_context(on(0))
        yield url
