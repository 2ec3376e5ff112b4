"""Medians, percentiles, and how a suite says what it found."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from math import ceil
from statistics import median


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile."""
    ranked = sorted(values)
    return ranked[max(0, ceil(len(ranked) * percent / 100) - 1)]


def say(text: str) -> None:
    """One readable line, at once."""
    print(text, flush=True)


def say_machine() -> None:
    """Where the figures come from."""
    load = os.getloadavg()[0]
    say(
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, "
        f"load {load:.1f} before the start"
    )


def say_rounds(name: str, rounds: Sequence[float], unit: str) -> float:
    """Print the rounds and give their median."""
    middle = median(rounds)
    spread = ", ".join(f"{value:.3g}" for value in rounds)
    say(f"  {name}: {middle:.3g} {unit} (median of rounds: {spread})")
    return middle


def say_figures(figures: Mapping[str, float]) -> None:
    """The last line."""
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}), flush=True)
