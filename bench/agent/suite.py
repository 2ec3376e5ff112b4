"""`make bench SUITE=agent`: what the agent's loop costs, how live it is, and what it sends.

Each part of `PARTS` gets a folder of its own and gives figures, which are described where they are
measured. Those of `histories`, `needles`, `circles`, `prefix` and `prompt` are counts of the loop
itself in memory: what runs beside the bench does not change them.
"""

import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from bench.agent import (
    cancelling,
    cards,
    circles,
    histories,
    journal,
    kills,
    loop,
    needles,
    prefix,
    prompt,
    token_lag,
)
from bench.figures import say, say_figures, say_machine

PARTS: Mapping[str, Callable[[Path], Awaitable[Mapping[str, float]]]] = {
    "loop": loop.measure,
    "cancels": cancelling.measure,
    "kills": kills.measure,
    "lag": token_lag.measure,
    "cards": cards.measure,
    "journal": journal.measure,
    "histories": histories.measure,
    "needles": needles.measure,
    "circles": circles.measure,
    "prefix": prefix.measure,
    "prompt": prompt.measure,
}


async def main(names: list[str]) -> None:
    """Measure the parts that are named, one after the other; all of them where none is."""
    say_machine()
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="polaris-bench-") as temporary:
        for name in names or PARTS:
            say(f"-- {name}")
            figures |= await PARTS[name](Path(temporary) / name)
    say_figures(figures)
