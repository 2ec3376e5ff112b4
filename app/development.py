"""`polaris dev`: the embedded Convex starts in its own process while this one imports the rest."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from types import ModuleType

from app.convex import convex_access
from app.identity.issuer import identity_of
from app.settings import Settings
from core.beside import opening
from core.clock import SystemClock


@asynccontextmanager
async def development(settings: Settings) -> AsyncGenerator[Mapping[str, object]]:
    """API, worker and, without CONVEX_URL, the embedded Convex; the ready line."""
    identity = identity_of(settings, SystemClock())
    async with opening(convex_access(settings, identity)) as convex:
        wiring = await asyncio.to_thread(_the_rest)
        async with wiring.development(settings, identity, convex) as ready:
            yield ready


def _the_rest() -> ModuleType:
    from app import wiring  # noqa: PLC0415 - most of a second, in which the embedded Convex starts

    return wiring
