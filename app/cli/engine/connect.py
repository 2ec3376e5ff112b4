"""Which engine the commands reach: a PostgreSQL, or that of a running `polaris dev`."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import aiohttp

from app.cli.engine.api_client import ApiClient
from app.cli.engine.client import EngineClient
from app.ready_file import NothingRunning, read_announced
from app.settings import Settings
from core.errors import Refused

TIMEOUT_S = 30.0


class NoOperator(Refused):
    """`polaris dev` with an issuer has no local user in whose name a command could act."""

    code = "no_operator"

    def __init__(self) -> None:
        super().__init__(
            "this installation has an issuer, so there is no local user to act as: use the HTTP "
            "API with a token of yours, or set POLARIS_DATABASE_URL"
        )


@asynccontextmanager
async def open_client(settings: Settings) -> AsyncGenerator[EngineClient]:
    """The client of these settings. Raises: NothingRunning, NoOperator."""
    if settings.database_url is not None:
        from app.cli.engine.database_client import DatabaseClient  # noqa: PLC0415 - HTTP needs no engine
        from app.wiring import operator_access  # noqa: PLC0415 - as above

        async with operator_access(settings) as engine:
            yield DatabaseClient(engine)
        return
    running = read_announced(settings.data_dir)
    if running.token is None:
        raise NoOperator
    async with aiohttp.ClientSession(
        base_url=running.url,
        headers={"Authorization": f"Bearer {running.token}"},
        timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
    ) as session:
        try:
            yield ApiClient(session)
        except aiohttp.ClientConnectionError as error:  # it was killed, and its file is still there
            raise NothingRunning(settings.data_dir) from error
