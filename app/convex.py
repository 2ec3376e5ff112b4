"""Which Convex: the configured one, else an embedded one that lives as long as this process."""

import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from app.identity.issuer import Identity
from app.listening import is_taken
from app.settings import Settings
from embedded_convex.process import CACHE, EmbeddedConvex
from embedded_convex.supervised import supervised

CONVEX_FUNCTIONS = Path(__file__).parents[1] / "convex"


@dataclass(frozen=True)
class ConvexAccess:
    """Where Convex is, and the secret that its system functions ask for."""

    url: str
    internal_key: str


@asynccontextmanager
async def convex_access(
    settings: Settings, identity: Identity | None
) -> AsyncGenerator[ConvexAccess]:
    """The configured Convex, else an embedded one that lives as long as the block."""
    given = settings.convex_internal_key
    if settings.convex_url is not None and given is not None:
        yield ConvexAccess(settings.convex_url, given.get_secret_value())
        return
    key = given.get_secret_value() if given is not None else secrets.token_hex(32)
    environment = dict(identity.convex_environment) if identity is not None else {}
    limits = {
        "POLARIS_PROJECT_LIMIT": settings.project_limit,
        "POLARIS_RUN_LIMIT": settings.run_limit,
        "POLARIS_STORAGE_LIMIT_BYTES": settings.storage_limit_bytes,
    }
    url = _url_of_api(settings)
    if url is not None:  # its functions name the addresses that pages know
        environment |= {
            "CONVEX_CLOUD_URL": f"{url}/convex",
            "CONVEX_SITE_URL": f"{url}/convex/http",
        }
    environment |= {name: str(limit) for name, limit in limits.items() if limit is not None}
    make = partial(
        EmbeddedConvex,
        CONVEX_FUNCTIONS,
        settings.data_dir / "convex.sqlite",
        admin_key=secrets.token_hex(32),
        env={**environment, "POLARIS_CONVEX_INTERNAL_KEY": key},
        origins=settings.cors_origins,
        cache=CACHE,
    )

    def on(port: int, site_port: int) -> EmbeddedConvex:
        return make(port=port, site_port=site_port)

    async with supervised(on, settings.convex_port) as url:
        yield ConvexAccess(url, key)


def _url_of_api(settings: Settings) -> str | None:
    """Where pages will find all of Convex; None where the API will take a port that is free."""
    gives_way = settings.public_url is None and not settings.is_port_chosen
    if gives_way and is_taken(settings.host, settings.port):
        return None
    return settings.known_url
