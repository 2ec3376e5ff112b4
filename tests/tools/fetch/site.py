"""A web server on this machine, which the pages of these tests may ask although it is local."""

import ipaddress
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager

from aiohttp import web

from tools.fetch.addresses import Address

HERE = ipaddress.ip_address("127.0.0.1")
Answers = Mapping[str, Callable[[web.Request], Awaitable[web.StreamResponse]]]


def only_here(address: Address) -> bool:
    """127.0.0.1 stands for the internet; all else of this machine is inside."""
    return address == HERE


@asynccontextmanager
async def site(answers: Answers) -> AsyncGenerator[str]:
    application = web.Application()
    for path, answer in answers.items():
        application.router.add_get(path, answer)
    runner = web.AppRunner(application)
    await runner.setup()
    server = web.TCPSite(runner, "127.0.0.1", 0)
    await server.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
