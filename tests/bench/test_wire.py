"""The counting proxy carries everything and counts all of it."""

import asyncio

import aiohttp
from aiohttp import web

from bench.wire import Crossed, Wire


async def shout(request: web.Request) -> web.Response:
    return web.Response(body=(await request.read()).upper() * 3)


async def test_bodies_come_through_and_are_counted_both_ways() -> None:
    app = web.Application(client_max_size=1 << 20)
    app.router.add_post("/", shout)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        async with Wire(f"http://{host}:{port}") as wire, aiohttp.ClientSession() as session:
            sizes: list[Crossed] = []
            for size in (0, 100_000):
                before = wire.crossed
                async with session.post(wire.url, data=b"a" * size) as response:
                    assert await response.read() == b"A" * size * 3
                sizes.append(wire.crossed.since(before))
            empty, full = sizes
            assert 50 < empty.up < 1_000  # the headers
            assert 50 < empty.down < 1_000
            assert abs(full.up - empty.up - 100_000) < 200  # headers that only a body has
            assert abs(full.down - empty.down - 300_000) < 200
    finally:
        await runner.cleanup()


async def test_an_end_that_hangs_up_takes_the_other_with_it() -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    async with server, Wire(f"http://{host}:{port}") as wire:
        target = wire.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(*target)
        assert await reader.read() == b""
        writer.close()
