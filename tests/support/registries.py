"""A sandbox whose operator allows one package registry, which is here and says nothing."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from tools.sandbox.sandbox import Sandbox


async def _hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


@asynccontextmanager
async def sandbox_with_registry() -> AsyncGenerator[tuple[Sandbox, str]]:
    """The sandbox, and the `host:port` of the registry."""
    server = await asyncio.start_server(_hang_up, "127.0.0.1", 0)
    async with server:
        registry = f"localhost:{server.sockets[0].getsockname()[1]}"
        async with Sandbox(kinds=["bubblewrap"], registries=[registry]) as sandbox:
            if sandbox.kind is None:
                pytest.skip("this machine has no user namespaces")
            yield sandbox, registry
