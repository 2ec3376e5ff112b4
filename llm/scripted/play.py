"""Playing one reply: blocks in chunks at a pace, with the fault at its place."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from enum import Enum

from llm.scripted.dialect import Block, Wire
from llm.scripted.scenario import Drop, EarlyEnd, ErrorEvent, Hang, Pace, Reply

Send = Callable[[bytes, int], Awaitable[None]]
"""Writes bytes, of which so many characters are the model's words."""

PING_S = 0.05  # between pings of a hang: many within any test's idle timeout


class Outcome(Enum):
    """What is left to do with the connection."""

    ENDED = "ended"
    DROP = "drop"


def blocks_of(reply: Reply, new_call_id: Callable[[], str]) -> list[Block]:
    """The parts of the answer in order, cut where the reply says so."""
    blocks: list[Block] = []
    if reply.thinking:
        blocks.append(Block("thinking", reply.thinking))
    if reply.text:
        blocks.append(Block("text", reply.text))
    for call in reply.tool_calls:
        text = json.dumps(call.arguments, ensure_ascii=False) if call.raw is None else call.raw
        blocks.append(Block("call", text, new_call_id(), call.name))
    return blocks if reply.cut_after_chars is None else _cut(blocks, reply.cut_after_chars)


def _cut(blocks: list[Block], left: int) -> list[Block]:
    kept: list[Block] = []
    for block in blocks:
        kept.append(Block(block.kind, block.text[:left], block.call_id, block.name))
        left -= len(block.text)
        if left < 0:
            break
    return kept


async def play(blocks: list[Block], reply: Reply, pace: Pace, wire: Wire, send: Send) -> Outcome:
    """Send the answer; returns when it is over or the connection has to be dropped."""
    fault = reply.fault
    limit = fault.after_chars if isinstance(fault, ErrorEvent | Drop | EarlyEnd | Hang) else None
    await asyncio.sleep(pace.first_delay_s)
    await send(wire.opening(), 0)
    timer = _Timer(pace.chunk_delay_s)
    sent = 0
    for index, block in enumerate(blocks):
        if limit is not None and sent >= limit:
            break
        await send(wire.block_start(index, block), 0)
        text = block.text if limit is None else block.text[: limit - sent]
        for start in range(0, len(text), pace.chunk_chars):
            chunk = text[start : start + pace.chunk_chars]
            await timer.wait()
            await send(wire.piece(index, block, chunk), len(chunk))
        sent += len(text)
        if len(text) < len(block.text):
            break
        await send(wire.block_end(index, block), 0)
    match fault:
        case ErrorEvent():
            await send(wire.error(fault.error, fault.message), 0)
        case Drop():
            return Outcome.DROP
        case Hang():
            await hang(fault, wire, send)
        case EarlyEnd():
            pass
        case _:
            await send(wire.closing(), 0)
    return Outcome.ENDED


async def hang(fault: Hang, wire: Wire, send: Send) -> None:
    """Say nothing, or nothing but pings, until the client leaves: its leaving cancels this."""
    while True:
        await asyncio.sleep(PING_S)
        if fault.pings:
            await send(wire.ping(), 0)


class _Timer:
    """Evenly spaced waits that do not drift: the time that sending takes is not added."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._next = asyncio.get_running_loop().time()

    async def wait(self) -> None:
        if self._every_s <= 0:
            return
        self._next += self._every_s
        await asyncio.sleep(self._next - asyncio.get_running_loop().time())
