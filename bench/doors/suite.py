"""`make bench SUITE=doors`: whatever talks to a Polaris backend, talking to this one."""

import os
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from bench.doors import clients, fronts, proxy, sse
from bench.figures import say, say_figures, say_machine

PARTS: Mapping[str, Callable[[Path], Awaitable[Mapping[str, float]]]] = {
    "clients": clients.measure,
    "fronts": fronts.measure,
    "proxy": proxy.overhead,
    "sse": sse.reading,
}


async def main(names: list[str]) -> None:
    """Measure the parts that are named, one after the other; all of them where none is."""
    load = os.getloadavg()[0]
    say_machine()
    figures: dict[str, float] = {"load_before": load}
    with tempfile.TemporaryDirectory(prefix="polaris-bench-") as temporary:
        for name in names or PARTS:
            say(f"-- {name}")
            folder = Path(temporary) / name
            folder.mkdir()
            figures |= await PARTS[name](folder)
    say_figures(figures)
