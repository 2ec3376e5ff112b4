"""The answers that stream at once: the more there are, the rarer each of them is read.

A read costs its way through the SDK, the parser and the agent, whether it brings one token or
five. `merging` hands on together what came together; while many answers stream, a breath between
two reads of one lets more come together. For a reader nothing changes: text goes to Convex less
often then, too.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable

FEW = 40  # answers that are read as fast as they come
BREATH_S = 0.00025  # for each answer more
LONGEST_S = 0.05


class Crowd:
    """Those that read answers of one model in this process."""

    def __init__(self) -> None:
        self.streaming = 0

    @property
    def breath_s(self) -> float:
        """Seconds between two reads of an answer; 0 while few stream."""
        return min(LONGEST_S, max(0.0, (self.streaming - FEW) * BREATH_S))

    async def paced(self, chunks: AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
        """The chunks, with a breath after each while many answers stream."""
        self.streaming += 1
        try:
            async for chunk in chunks:
                yield chunk
                if breath_s := self.breath_s:
                    await asyncio.sleep(breath_s)
        finally:
            self.streaming -= 1
