"""Sweeping again and again: what takes from the disk what is nobody's any more."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from store.errors import StoreFault, StoreUnavailable

log = logging.getLogger(__name__)


async def sweep_every(every_s: float, sweep: Callable[[], Awaitable[object]]) -> None:
    """Until cancelled; while the store is away, or the disk has a fault, it is put off."""
    while True:
        try:
            await sweep()
        except (StoreUnavailable, StoreFault, OSError):
            log.exception("sweep_postponed")
        await asyncio.sleep(every_s)
