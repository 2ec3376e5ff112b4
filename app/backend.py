"""What API and worker both stand on: the store, where tools work, and the engine with its jobs."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from pydantic import SecretStr

from agent.definition import Limits
from agent.means import Budget
from app.billing import gate_of
from app.convex import ConvexAccess
from app.github import accounts_of, github_of, github_server_of
from app.models import models_of, offers_of, small_model_of
from app.observe.run_logs import LoggedRuns
from app.observe.run_news import NewsOfRuns
from app.observe.tracing import tracing
from app.services.choosing import Choosing
from app.services.clients.tasks import ClientTasks
from app.services.generating import Generating
from app.services.messages import Messaging
from app.services.sealing import sealing_of
from app.services.transfers import Transferring
from app.settings import Settings
from app.tools import AGENT_TOOLS, CHAT_TOOLS, ID_TOOLS, owned_by_worker, works_in
from core.background import Work, in_background
from core.clock import SystemClock
from engine import Database, Engine, Middleware, PostgresDatabase, SqliteDatabase
from jobs.account.leaving import Traces
from jobs.agents import Agents
from jobs.answer.live_answers import LiveAnswers
from jobs.files.folders import ProjectFolders, own_folder
from jobs.files.sweep import FolderSweeper, Room
from jobs.github.sweep import RepositorySweeper
from jobs.mcp_servers import ProjectServers
from jobs.message.titles import Titles
from jobs.outbox import Relay
from jobs.reap import reap
from jobs.recording.recorder import Recordings
from jobs.recording.sweep import RecordingSweeper
from jobs.registry import JOBS
from jobs.triggered.tasks import Tasks
from llm.closing import free
from llm.model import Model
from store.deltas import DeltaLimits
from store.gateway import Store
from tools.mcp.clients import McpClients
from tools.outputs import Outputs
from tools.place import Provided

CLOCK = SystemClock()


@dataclass(frozen=True)
class Workplace:
    """What is of this process: the folders of projects, what outlives a call, live answers."""

    folders: ProjectFolders
    owned: Provided
    live: LiveAnswers
    tasks: Tasks
    traces: Traces


@dataclass(frozen=True)
class Backend:
    """What API and worker both stand on, started.

    `small_model` writes short texts; None where no model is configured.
    """

    convex: ConvexAccess
    store: Store
    workplace: Workplace
    engine: Engine
    relay: Relay
    reaping: Work
    small_model: Model | None
    client_tasks: ClientTasks


@asynccontextmanager
async def backend_of(
    settings: Settings, convex: ConvexAccess, model: Model | None
) -> AsyncGenerator[Backend]:
    """The store over Convex, where tools work, and the engine: closed in the other order.

    Without a `model` the engine sends and cancels, and leaves the runs to other processes.
    """
    small_model = small_model_of(settings)
    async with (
        AsyncExitStack() as stack,
        open_store(settings, convex) as store,
        open_workplace(settings, store) as workplace,
        open_engine(settings, store, workplace, model, small_model) as engine,
    ):
        if small_model is not None:
            stack.push_async_callback(free, small_model)
        relay = Relay(store.outbox, engine)
        reaping = partial(reap, store, engine, CLOCK)
        tasks = client_tasks_of(settings, store, workplace, engine, relay)
        workplace.tasks.bind(tasks.begin_task)
        yield Backend(convex, store, workplace, engine, relay, reaping, small_model, tasks)


def client_tasks_of(
    settings: Settings, store: Store, workplace: Workplace, engine: Engine, relay: Relay
) -> ClientTasks:
    """What begins and stops jobs for clients of others' platforms, by the services of our own."""
    policy = settings.policy_when_busy.value
    messaging = Messaging(store, relay, engine.inspect, policy, workplace.live)
    accounts = accounts_of(settings, store, CLOCK)
    gate = gate_of(settings, store)
    return ClientTasks(
        store,
        messaging,
        Choosing(offers_of(settings)),
        Generating(store, relay, engine.inspect, messaging, CLOCK, gate),
        Transferring(store, relay, github_server_of(settings), accounts, CLOCK, gate),
    )


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
async def open_workplace(settings: Settings, store: Store) -> AsyncGenerator[Workplace]:
    """Where the tools of runs, people's MCP clients, terminals and editors work."""
    parent = settings.data_dir.absolute()  # inside the sandbox a path is what it is outside
    with own_folder(parent / "workspaces") as folder:
        folders = ProjectFolders(store, folder)
        async with owned_by_worker(settings, CLOCK) as owned:
            room = Room(settings.workspaces_bytes, settings.workspaces_days)
            in_use = partial(works_in, owned)
            folder_sweeper = FolderSweeper(
                store, folders, room=room, is_in_use=in_use, afterwards=owned(Outputs).drop_gone
            )
            sweepers: list[FolderSweeper | RecordingSweeper] = [folder_sweeper]
            if settings.recordings is not None:
                sweepers.append(RecordingSweeper(store, settings.recordings, CLOCK))
            traces = Traces([each.sweep for each in sweepers])
            async with in_background(*(each.run for each in sweepers)):
                yield Workplace(folders, owned, LiveAnswers(), Tasks(CLOCK), traces)


@asynccontextmanager
async def open_engine(
    settings: Settings,
    store: Store,
    workplace: Workplace,
    model: Model | None,
    small_model: Model | None,
) -> AsyncGenerator[Engine]:
    """The engine with every job of the product; with a model, it works and has what jobs need."""
    async with AsyncExitStack() as stack:
        needs: list[object] = []
        if model is not None:
            models = models_of(settings, model)
            stack.push_async_callback(free, *models.values())
            agents = agents_of(settings, model, models, store, workplace)
            repositories = stack.enter_context(own_folder(settings.data_dir / "repositories"))
            github = github_of(settings, repositories, store, CLOCK, small_model)
            sweeper = RepositorySweeper(store, github)
            workplace.traces.add(sweeper.sweep)
            await stack.enter_async_context(in_background(sweeper.run))
            needs += [store, agents, workplace.folders, workplace.owned, workplace.live, github]
            needs += [workplace.tasks, workplace.traces]
            needs.append(Titles(small_model))
        async with engine_of(settings, works=model is not None, provide=needs) as engine:
            workplace.traces.bind(engine.forget)
            yield engine


@asynccontextmanager
async def engine_of(
    settings: Settings, *, works: bool, provide: Sequence[object] = ()
) -> AsyncGenerator[Engine]:
    """The engine over its database, with what watches it."""
    with tracing(settings) as telemetry:
        news = NewsOfRuns(CLOCK)
        watching = (telemetry, sentry_tags(settings), LoggedRuns(), news)
        engine = Engine(
            jobs=JOBS,
            database=database_of(settings),
            provide=provide,
            middleware=[each for each in watching if each is not None],
            encryption=settings.encryption,
            name="polaris",
            works=works,
            grace_s=settings.grace_s,
            clock=CLOCK,
        )
        async with engine, news.telling(engine):
            yield engine


def sentry_tags(settings: Settings) -> Middleware | None:
    """What tags the reports of runs; None where nothing is reported."""
    if settings.sentry_dsn is None:
        return None
    from app.observe.sentry import SentryTags  # noqa: PLC0415 - its SDK, for who reports

    return SentryTags()


def agents_of(
    settings: Settings,
    model: Model,
    models: Mapping[str, Model],
    store: Store,
    workplace: Workplace,
) -> Agents:
    """Who answers: what each run chooses from."""
    limits = Limits(
        max_turns=settings.max_steps,
        history_tokens=settings.history_tokens,
        condense_at=settings.condense_percent / 100,
        ask_timeout=timedelta(seconds=settings.ask_timeout_s),
        longest_wait_s=settings.model_wait_s,
        budgets=(
            Budget("answer", tokens=settings.answer_budget_tokens, usd=settings.answer_budget_usd),
        ),
    )
    day = Budget("day", tokens=settings.day_budget_tokens, usd=settings.day_budget_usd)
    conversation = Budget(
        "conversation",
        tokens=settings.conversation_budget_tokens,
        usd=settings.conversation_budget_usd,
    )
    sealing = sealing_of(settings)
    servers = ProjectServers(
        store,
        workplace.folders,
        workplace.owned(McpClients),
        sealing.open if sealing is not None else None,
    )
    return Agents(
        model,
        AGENT_TOOLS,
        limits,
        servers=servers,
        store=store,
        id_tools=ID_TOOLS,
        models=models,
        day_budget=day if day.is_bound else None,
        chat_tools=CHAT_TOOLS,
        recordings=recordings_of(settings),
        conversation_budget=conversation if conversation.is_bound else None,
        raisable=settings.raisable_budgets,
    )


def recordings_of(settings: Settings) -> Recordings | None:
    """Where answers are recorded, without our own secrets; None: they are not."""
    if settings.recordings is None:
        return None
    values: list[object] = [getattr(settings, name) for name in Settings.model_fields]
    secrets = [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
    return Recordings(
        settings.recordings,
        secrets=[secret for secret in secrets if secret],
        folder_bytes=settings.recordings_bytes,
        clock=CLOCK,
    )
