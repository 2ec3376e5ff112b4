"""Clients that begin a request and never end it."""

import asyncio
from collections.abc import AsyncIterator
from typing import ClassVar
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI, Request

from app.http.serving.connection import Connection
from app.http.serving.server import serving

HEAD = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n"


class Hurried(Connection):
    head_s: ClassVar[float] = 0.2
    body_s: ClassVar[float] = 0.2


class HurriedForHeads(Connection):
    head_s: ClassVar[float] = 0.2


async def serve(connection: type[Connection]) -> AsyncIterator[tuple[str, int]]:
    app = FastAPI()

    @app.post("/echo")
    async def echo(request: Request) -> int:
        return len(await request.body())

    host = "127.0.0.1"
    async with serving(app, host=host, port=0, grace_s=1, connection=connection) as url:
        yield host, urlsplit(url).port or 0


@pytest.fixture
async def hurried() -> AsyncIterator[tuple[str, int]]:
    async for address in serve(Hurried):
        yield address


@pytest.fixture
async def hurried_for_heads() -> AsyncIterator[tuple[str, int]]:
    async for address in serve(HurriedForHeads):
        yield address


@pytest.mark.parametrize(
    "beginning",
    [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: localhost\r\n", HEAD, HEAD + b"12"],
    ids=["nothing", "half a line", "half a head", "no body", "half a body"],
)
async def test_a_request_that_never_ends_is_given_up(
    hurried: tuple[str, int], beginning: bytes
) -> None:
    reader, writer = await asyncio.open_connection(*hurried)
    writer.write(beginning)
    await reader.read()  # until the server closes
    writer.close()


async def test_bytes_that_trickle_in_win_no_time(hurried: tuple[str, int]) -> None:
    reader, writer = await asyncio.open_connection(*hurried)
    ended = asyncio.Event()

    async def trickle() -> None:
        writer.write(b"GET / HTTP/1.1\r\n")
        while not ended.is_set():
            writer.write(b"X: y\r\n")
            await asyncio.sleep(0.05)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(trickle())
        await reader.read()
        ended.set()
    writer.close()


async def test_the_second_request_of_a_connection_is_watched_too(
    hurried_for_heads: tuple[str, int],
) -> None:
    reader, writer = await asyncio.open_connection(*hurried_for_heads)
    writer.write(HEAD + b"1234")
    answer = await reader.readuntil(b"\r\n\r\n4")
    assert answer.startswith(b"HTTP/1.1 200 ")
    writer.write(b"GET / HTTP/1.1\r\n")
    assert await reader.read() == b""
    writer.close()


async def test_between_requests_the_keep_alive_time_counts(
    hurried_for_heads: tuple[str, int],
) -> None:
    reader, writer = await asyncio.open_connection(*hurried_for_heads)
    for _ in range(2):
        writer.write(HEAD)
        writer.write(b"1234")
        await reader.readuntil(b"\r\n\r\n4")
        with pytest.raises(TimeoutError):  # longer than a head may take, and still open
            async with asyncio.timeout(0.4):
                await reader.read(1)
    writer.close()
