"""Which parts the suite has."""

import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from bench.doors import proxy, sse
from bench.figures import say_figures, say_machine

PARTS: Mapping[str, Callable[[Path], Awaitable[dict[str, float]]]] = {
    "proxy": proxy.overhead,
    "sse": sse.reading,
}


async def main(parts: Sequence[str] = ()) -> None:
    """Run the named parts, or all of them."""
    say_machine()
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="polaris-bench-") as folder:
        for name in parts or PARTS:
            figures |= await PARTS[name](Path(folder) / name)
    say_figures(figures)
