"""The more answers stream at once, the rarer each is read; nothing of them is lost."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from llm.crowd import FEW, LONGEST_S, Crowd

CHUNKS = 12


async def _tokens() -> AsyncGenerator[bytes, None]:
    for number in range(CHUNKS):
        yield b"%d " % number


async def _read(crowd: Crowd) -> bytes:
    async with aclosing(crowd.paced(_tokens())) as chunks:
        return b"".join([chunk async for chunk in chunks])


async def test_few_are_read_as_fast_as_they_come() -> None:
    crowd = Crowd()
    crowd.streaming = FEW
    assert crowd.breath_s == 0.0


async def test_many_take_a_breath_that_has_a_bound() -> None:
    crowd = Crowd()
    breaths: list[float] = []
    for crowd.streaming in (FEW + 1, 2 * FEW, 5 * FEW, 1_000 * FEW):
        breaths.append(crowd.breath_s)
    assert breaths == sorted(breaths)
    assert breaths[0] > 0.0
    assert breaths[-1] == LONGEST_S


async def test_all_of_a_crowd_is_read_and_then_nobody_streams() -> None:
    crowd = Crowd()
    texts = await asyncio.gather(*(_read(crowd) for _ in range(3 * FEW)))
    assert set(texts) == {b"0 1 2 3 4 5 6 7 8 9 10 11 "}
    assert crowd.streaming == 0


async def test_one_that_is_given_up_counts_no_more() -> None:
    crowd = Crowd()
    async with aclosing(crowd.paced(_tokens())) as chunks:
        await anext(chunks)
        assert crowd.streaming == 1
    assert crowd.streaming == 0
    crowd.streaming = 10_000 * FEW
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(LONGEST_S / 5):
            await _read(crowd)
    assert crowd.streaming == 10_000 * FEW
