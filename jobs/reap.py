"""Both reapers beside a worker."""

import asyncio

from core.clock import Clock
from engine import Engine
from jobs.answer.reap import Reaper
from jobs.reap_requests import RequestReaper
from jobs.reaping import ReapTimes
from store.gateway import Store


async def reap(store: Store, engine: Engine, clock: Clock) -> None:
    """Close what no run is going to finish, until cancelled: answers, and what was asked for."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(Reaper(store, engine, clock, ReapTimes()).run())
        tasks.create_task(RequestReaper(store, engine.inspect, clock, ReapTimes()).run())
