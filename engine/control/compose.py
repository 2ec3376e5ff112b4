"""What an engine consists of, and how its parts are put together. Nothing here waits or starts."""

import asyncio
import math
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from core.clock import Clock
from engine.control.cancel import Cancels
from engine.control.describe import definition_of
from engine.control.end_hooks import EndHooks
from engine.control.forget import Forgetting
from engine.control.lifetime import Lifetime
from engine.control.maintain import Maintenance
from engine.control.pause import Pauses
from engine.control.publish import Channels
from engine.control.repeat import Repeats
from engine.control.send import Sender, models_of
from engine.control.wakes import EndNotices, Wakes
from engine.control.watch import Watcher
from engine.dbos.host import Host
from engine.events import new_event_id
from engine.inspection import Inspection
from engine.intake.ends import Ends
from engine.intake.enqueue import queue_of
from engine.intake.intake import Intake
from engine.intake.pauses import paused_jobs
from engine.job import Job
from engine.live import LiveRuns
from engine.middleware import Hooks, Middleware
from engine.realtime.hub import Hub
from engine.realtime.publisher import LocalPublisher, PostgresPublisher, Publisher
from engine.realtime.tokens import Tokens
from engine.steps.context import Provided
from engine.steps.dbos_journal import TRUSTED_S
from engine.steps.journal import History
from engine.steps.sleep import Sleepers
from engine.steps.slots import Slots
from engine.steps.waits import Waits
from engine.steps.working import Working
from engine.storage.database import Database, SqliteDatabase
from engine.storage.encryption import Encryption
from engine.storage.outage import Outage
from engine.storage.transactions import Ledger
from engine.workers.claims import Claims
from engine.workers.dispatcher import Dispatcher
from engine.workers.outside import RunOutside
from engine.workers.pacing import Pacing
from engine.workers.runner import Parts as RunnerParts
from engine.workers.runner import Runner


def name_of_process(database: Database) -> str:
    """An executor id: on SQLite, where there is one process, the same over restarts."""
    if isinstance(database, SqliteDatabase):
        return "sqlite"
    return f"{socket.gethostname()}-{os.getpid()}-{new_event_id()[-8:]}"


@dataclass(frozen=True)
class Settings:
    """What an engine has been given; see `Engine`."""

    jobs: Mapping[str, Job[Any, Any]]
    database: Database
    provided: Provided
    middleware: tuple[Middleware, ...]
    encryption: Encryption | None
    executor_id: str
    name: str
    works: bool
    max_running: int
    grace_s: float
    lease_s: float
    retention_s: float
    clock: Clock

    @property
    def is_alone(self) -> bool:
        """Whether no other process can have the database."""
        return isinstance(self.database, SqliteDatabase)


@dataclass(frozen=True)
class Store:
    """The database, opened, and who works on nothing else."""

    outage: Outage
    ledger: Ledger
    reader: Ledger
    """For looks that may take long."""
    patient: Ledger
    """For runs, which wait for the database as long as it takes."""
    host: Host


@dataclass(frozen=True)
class Shared:
    """What both the runs and the callers of an engine have to do with."""

    settings: Settings
    store: Store
    lifetime: Lifetime
    intake: Intake
    slots: Slots
    waits: Waits
    sleepers: Sleepers
    hub: Hub
    publisher: Publisher
    live: LiveRuns
    dispatcher: Dispatcher
    end_hooks: EndHooks
    wakes: Wakes
    sender: Sender
    watcher: Watcher


@dataclass(frozen=True)
class ForRuns:
    """What executes runs."""

    runner: Runner
    ends: Ends
    claims: Claims
    working: Working


@dataclass(frozen=True)
class ForCallers:
    """What the calls of a started engine are handed on to."""

    lifetime: Lifetime
    live: LiveRuns
    inspection: Inspection
    sender: Sender
    watcher: Watcher
    cancels: Cancels
    pauses: Pauses
    repeats: Repeats
    channels: Channels
    maintenance: Maintenance
    forgetting: Forgetting


def shared(settings: Settings, store: Store, tasks: asyncio.TaskGroup) -> Shared:
    """Put together what runs and callers share; `tasks` is entered before any of it is used."""
    ledger, executor_id = store.ledger, settings.executor_id
    lifetime = Lifetime(tasks, ledger.passes)
    intake = Intake(settings.jobs, store.host, executor_id)
    slots, waits, sleepers, hub = Slots(store.patient, executor_id), Waits(), Sleepers(), Hub()
    queues = [queue_of(job_id) for job_id in settings.jobs]
    dispatcher = Dispatcher(queues, ledger=ledger, read_paused=_paused_queues)
    live = _live_runs(
        settings, dispatcher, EndNotices(executor_id, ledger=ledger, lifetime=lifetime)
    )
    end_hooks = EndHooks(
        settings.jobs, settings.middleware, ledger=store.patient, live=live, spawn=lifetime.spawn
    )
    wakes = Wakes(queues, live, slots, waits, sleepers, dispatcher, end_hooks, ledger.now_ms)
    publisher = (
        LocalPublisher(hub, ledger)
        if settings.is_alone
        else PostgresPublisher(hub, ledger, executor_id)
    )
    hooks = Hooks.of(settings.middleware)
    return Shared(
        settings,
        store,
        lifetime=lifetime,
        intake=intake,
        slots=slots,
        waits=waits,
        sleepers=sleepers,
        hub=hub,
        publisher=publisher,
        live=live,
        dispatcher=dispatcher,
        end_hooks=end_hooks,
        wakes=wakes,
        sender=Sender(ledger, intake, models_of(settings.jobs), hooks, wakes.act),
        watcher=Watcher(ledger=ledger, live=live, check_running=lifetime.check),
    )


def _live_runs(settings: Settings, dispatcher: Dispatcher, notices: EndNotices) -> LiveRuns:
    def ended(run_id: str) -> None:
        dispatcher.room_made()
        if not settings.is_alone:
            notices.add(run_id)

    return LiveRuns(on_sleep=dispatcher.room_made, on_end=ended)


def _paused_queues(connection: sa.Connection) -> set[str]:
    return {queue_of(job_id) for job_id in paused_jobs(connection)}


def for_runs(parts: Shared) -> ForRuns:
    """Put together what executes runs."""
    settings, store = parts.settings, parts.store
    spawn, act = parts.lifetime.spawn, parts.wakes.act
    histories: dict[str, History] = {}
    ends = Ends(settings.executor_id, ledger=store.patient, slots=parts.slots, spawn=spawn)
    outside = RunOutside(
        parts.intake,
        store.patient,
        waits=parts.waits,
        send=replace(parts.sender, ledger=store.patient).store,
        result=parts.watcher.result,
        spawn=spawn,
        publisher=parts.publisher,
    )
    working = Working(store.patient)
    runner = RunnerParts(
        ledger=store.patient,
        intake=parts.intake,
        slots=parts.slots,
        live=parts.live,
        histories=histories,
        provided=settings.provided,
        act=act,
        outside=outside,
        working=working,
        ends=ends,
        pacing=Pacing(store.patient, act=act, spawn=spawn),
        trusted_s=math.inf if settings.is_alone else TRUSTED_S,
        watch_end=parts.end_hooks.watch,
        middleware=settings.middleware,
        sleepers=parts.sleepers,
    )
    claims = Claims(
        settings.max_running,
        with_turns=frozenset(
            queue_of(job.id) for job in settings.jobs.values() if job.flow.has_turns
        ),
        ledger=store.ledger,
        live=parts.live,
        histories=histories,
        intake=parts.intake,
        act=act,
        spawn=spawn,
        has_failed=parts.end_hooks.set_aside,
    )
    return ForRuns(Runner(settings.jobs, runner), ends, claims, working)


def for_callers(parts: Shared, tokens: Tokens) -> ForCallers:
    """Put together what callers reach."""
    settings, ledger, lifetime = parts.settings, parts.store.ledger, parts.lifetime
    cancels = Cancels(
        settings.executor_id,
        ledger=ledger,
        intake=parts.intake,
        live=parts.live,
        act=parts.wakes.act,
        is_alone=settings.is_alone,
    )
    return ForCallers(
        lifetime=lifetime,
        live=parts.live,
        inspection=Inspection(
            parts.store.reader,
            tuple(map(definition_of, settings.jobs.values())),
        ),
        sender=parts.sender,
        watcher=parts.watcher,
        cancels=cancels,
        pauses=Pauses(
            settings.executor_id, ledger=ledger, slots=parts.slots, dispatcher=parts.dispatcher
        ),
        repeats=Repeats(ledger=ledger, intake=parts.intake, act=parts.wakes.act),
        channels=Channels(parts.hub, parts.publisher, tokens, ledger.now_ms, lifetime.check),
        maintenance=Maintenance(ledger, parts.slots, settings.encryption, settings.retention_s),
        forgetting=Forgetting(ledger, cancels),
    )
