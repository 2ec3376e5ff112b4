"""`make bench SUITE=github`: imports and exports of a real size, beside git in the same run.

`polaris dev` runs as it comes, with a GitHub on loopback: part of its API, and `git http-backend`.
Each part of `PARTS` gets a folder of its own and gives figures, which are described where they are
measured. The last line is one JSON object; `load_before` is that of the machine, and what ran
beside the bench makes every time longer, also git's.
"""

import os
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from bench.figures import say, say_figures, say_machine
from bench.github import transfers, trees

PARTS: Mapping[str, Callable[[Path], Awaitable[Mapping[str, float]]]] = {
    "near": transfers.near,
    "far": transfers.far,
    "trees": trees.measure,
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
