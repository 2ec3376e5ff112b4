"""Prompt caching, modelled: which prefix of a request was read, and which was written."""

import hashlib
from collections import OrderedDict
from collections.abc import Sequence

KEPT = 20_000  # prefixes remembered; the least recently used goes
MIN_CHARS = 4_096  # shorter prefixes are not cached: 1,024 tokens of four characters


class PrefixCache:
    """Remembers prefixes; a later request that begins the same reads the longest of them."""

    def __init__(self) -> None:
        self._prefixes: OrderedDict[bytes, None] = OrderedDict()

    def use(
        self, blocks: Sequence[str], breakpoints: Sequence[int], *, lookback: int
    ) -> tuple[int, int]:
        """Characters read from the cache and characters written to it.

        `breakpoints` are indexes of blocks, ascending; a hit is sought at each and up to
        `lookback` blocks before it.
        """
        if not breakpoints:
            return 0, 0
        digests, lengths = _prefixes(blocks)
        hit = max(
            (
                index
                for point in breakpoints
                for index in range(max(0, point - lookback), point + 1)
                if digests[index] in self._prefixes
            ),
            default=-1,
        )
        for point in breakpoints:
            if lengths[point] >= MIN_CHARS:
                self._remember(digests[point])
        if hit >= 0:
            self._remember(digests[hit])
        read = lengths[hit] if hit >= 0 else 0
        last = lengths[breakpoints[-1]]
        return read, last - read if last >= MIN_CHARS else 0

    def _remember(self, digest: bytes) -> None:
        self._prefixes[digest] = None
        self._prefixes.move_to_end(digest)
        if len(self._prefixes) > KEPT:
            self._prefixes.popitem(last=False)


def _prefixes(blocks: Sequence[str]) -> tuple[list[bytes], list[int]]:
    """The digest and the length of each prefix that ends with a block."""
    running = hashlib.sha256()
    length = 0
    digests: list[bytes] = []
    lengths: list[int] = []
    for block in blocks:
        encoded = block.encode()
        running.update(len(encoded).to_bytes(8, "big") + encoded)
        length += len(block)
        digests.append(running.digest())
        lengths.append(length)
    return digests, lengths
