"""The embedded Convex, started again when it dies: clients come back to the same address."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from core.backoff import Backoff
from embedded_convex.process import ConvexNotRunning, EmbeddedConvex

log = logging.getLogger(__name__)

PAUSES = Backoff(first_s=0.2, longest_s=10.0)  # before a new start, longer after each that fails


@asynccontextmanager
async def supervised(make: Callable[[int, int], EmbeddedConvex], port: int) -> AsyncGenerator[str]:
    """Keep one embedded Convex up while the block runs; gives its URL.

    `make` builds one for a port and a port of its site. When it dies (killed, out of memory),
    another takes its place on the same file and ports: what was acknowledged is there, clients
    connect again by themselves. It is tried again for as long as the block runs.

    Raises:
        ConvexNotRunning: the first start failed.
    """
    async with make(port, 0) as first:
        bound, site = (int(url.rpartition(":")[2]) for url in (first.url, first.site_url))
        async with asyncio.TaskGroup() as tasks:
            keeper = tasks.create_task(_keep(first, lambda: make(bound, site)))
            try:
                yield first.url
            finally:
                keeper.cancel()


async def _keep(current: EmbeddedConvex, make: Callable[[], EmbeddedConvex]) -> None:
    failures = 0
    await _until_dead(current)
    while True:
        await asyncio.sleep(PAUSES.whole_s(failures + 1))
        try:
            async with make() as another:
                log.warning("convex_restarted", extra={"url": another.url})
                failures = 0
                await _until_dead(another)
        except ConvexNotRunning as refused:
            log.error("convex_not_restarted", extra={"reason": str(refused)})  # noqa: TRY400 - it says why
            failures += 1


async def _until_dead(convex: EmbeddedConvex) -> None:
    code = await convex.wait()
    log.error("convex_died", extra={"exit_code": code, "pid": convex.pid})
