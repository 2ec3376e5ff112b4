"""The parts of a suite, each in a folder of its own."""

import os
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from bench.figures import say, say_figures, say_machine

Parts = Mapping[str, Callable[[Path], Awaitable[Mapping[str, float]]]]


async def measure_parts(parts: Parts, names: Sequence[str]) -> None:
    """Measure those that are named, one after the other, all where none is; then say the figures.

    `load_before` among them is that of the machine.
    """
    figures: dict[str, float] = {"load_before": os.getloadavg()[0]}
    say_machine()
    with tempfile.TemporaryDirectory(prefix="polaris-bench-") as temporary:
        for name in names or parts:
            say(f"-- {name}")
            folder = Path(temporary) / name
            folder.mkdir()
            figures |= await parts[name](folder)
    say_figures(figures)
