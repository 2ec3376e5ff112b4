"""The embedded Convex over the folder of the contract tests, in its own process."""

import os
import signal
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from embedded_convex.process import EmbeddedConvex
from tests.support.issuer import Issuer

BEHAVIOURS = Path(__file__).parent / "behaviours" / "convex"
ADMIN_KEY = "the-admin-key-of-the-contract-tests"
ISSUER = Issuer(issuer="https://issuer.test", audience="contracts")


class Server:
    """One data file and one port, served by one process after another."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._port = 0
        self._running = AsyncExitStack()
        self._convex: EmbeddedConvex | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def run(self) -> None:
        env = {"CONTRACTS_JWKS": ISSUER.data_url}
        convex = EmbeddedConvex(
            BEHAVIOURS, self._data, admin_key=ADMIN_KEY, env=env, port=self._port
        )
        self._convex = await self._running.enter_async_context(convex)
        self._port = int(convex.url.rpartition(":")[2])

    async def kill(self) -> None:
        """As a power cut: nothing gets a chance to finish."""
        assert self._convex is not None
        os.kill(self._convex.pid, signal.SIGKILL)
        await self.stop()

    async def stop(self) -> None:
        await self._running.aclose()


@asynccontextmanager
async def serving(data: Path) -> AsyncGenerator[Server]:
    server = Server(data)
    await server.run()
    try:
        yield server
    finally:
        await server.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Server]:
    async with serving(tmp_path_factory.mktemp("convex") / "data.sqlite") as server:
        yield server
