"""Starting an engine, in order; what ends it again is pushed on a stack."""

import asyncio
from contextlib import AsyncExitStack

from engine.control.compose import (
    ForCallers,
    ForRuns,
    Settings,
    Shared,
    Store,
    for_callers,
    for_runs,
    shared,
)
from engine.control.maintain import Maintenance
from engine.control.shutdown import Shutdown
from engine.dbos import private
from engine.dbos.host import Host
from engine.realtime.tokens import Tokens, signing_secret
from engine.steps.sleep import watch
from engine.steps.slots import disown
from engine.storage import tables
from engine.storage.database import PostgresDatabase, closer
from engine.storage.encryption import encrypt
from engine.storage.notices import listen, listener_for
from engine.storage.outage import Outage
from engine.storage.transactions import Ledger
from engine.workers.fleet import Fleet
from engine.workers.keys import take_up
from engine.workers.timekeeper import Timekeeper


async def start(settings: Settings, stack: AsyncExitStack) -> ForCallers:
    """Open the database, take part in what happens there, and execute runs if it is to.

    Raises:
        SQLAlchemyError: the database cannot be reached.
        DatabaseInUse, DatabaseTooNew, KeyMissing, KeyUnknownElsewhere: as for `Engine`.
    """
    store = await _open(settings, stack)
    tasks = asyncio.TaskGroup()
    parts = shared(settings, store, tasks)
    executing = for_runs(parts)
    await store.host.start(executing.runner.execute, executing.ends)
    stack.push_async_callback(store.host.stop)
    await store.ledger.transact(
        take_up, settings.encryption, settings.executor_id, works=settings.works
    )
    secret = await store.ledger.transact(signing_secret)
    called = for_callers(parts, Tokens(secret, settings.clock))
    await store.ledger.transact(disown, [settings.executor_id])
    await stack.enter_async_context(tasks)
    if isinstance(settings.database, PostgresDatabase):
        await _join_fleet(settings.database, parts, tasks, stack)
    stack.callback(parts.hub.close)
    dispatching = _dispatch(parts, executing, tasks) if settings.works else None
    stack.push_async_callback(_shutdown(parts).drain, dispatching)
    if settings.works:
        _keep_time(parts, called.maintenance, tasks, stack)
        stack.callback(tasks.create_task(executing.working.note()).cancel)
    return called


async def _open(settings: Settings, stack: AsyncExitStack) -> Store:
    stack.enter_context(settings.database.held())
    pool = settings.database.connect(standstill_s=settings.lease_s)
    stack.callback(closer(pool))
    await asyncio.to_thread(tables.create, pool)
    outage = Outage()
    ledger = Ledger(private.with_schema(pool), settings.clock, outage)
    stack.callback(ledger.close)
    reader = ledger.reader()
    stack.callback(reader.close)
    if settings.encryption is not None:
        encrypt(pool, settings.encryption)
    host = Host(
        settings.database,
        pool,
        app=settings.name,
        executor_id=settings.executor_id,
        encryption=settings.encryption,
        outage=outage,
    )
    return Store(outage, ledger, reader, ledger.patient(), host)


async def _join_fleet(
    database: PostgresDatabase, parts: Shared, tasks: asyncio.TaskGroup, stack: AsyncExitStack
) -> None:
    """Hear the other processes and, where runs execute, be counted among them."""
    settings = parts.settings
    told = listener_for(settings.executor_id, parts.wakes.hear)
    listeners = [told, *parts.publisher.listeners()]
    listening = tasks.create_task(listen(database.libpq, listeners))
    stack.callback(listening.cancel)
    if not settings.works:
        return
    fleet = Fleet(
        settings.executor_id,
        ledger=parts.store.ledger,
        live=parts.live,
        lease_s=settings.lease_s,
        kick=parts.dispatcher.kick,
        wake=parts.waits.wake,
    )
    await fleet.join()
    stack.push_async_callback(fleet.leave)
    beating = tasks.create_task(fleet.work())
    stack.callback(beating.cancel)


def _dispatch(parts: Shared, runs: ForRuns, tasks: asyncio.TaskGroup) -> asyncio.Task[None]:
    dispatching = tasks.create_task(parts.dispatcher.work(runs.claims))
    parts.dispatcher.kick_at(0)
    return dispatching


def _shutdown(parts: Shared) -> Shutdown:
    return Shutdown(
        parts.settings.executor_id,
        ledger=parts.store.ledger,
        outage=parts.store.outage,
        live=parts.live,
        dispatcher=parts.dispatcher,
        lifetime=parts.lifetime,
        clock=parts.settings.clock,
        grace_s=parts.settings.grace_s,
    )


def _keep_time(
    parts: Shared, maintenance: Maintenance, tasks: asyncio.TaskGroup, stack: AsyncExitStack
) -> None:
    """Do what is due because time passes."""
    settings, store = parts.settings, parts.store
    timekeeper = Timekeeper(
        settings.jobs, ledger=store.ledger, intake=parts.intake, act=parts.wakes.act
    )
    works = [watch(settings.clock, parts.wakes.clock_stepped), maintenance.work()]
    if timekeeper.is_needed:
        works.append(timekeeper.work())
    for work in works:
        stack.callback(tasks.create_task(work).cancel)
