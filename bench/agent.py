"""`make bench SUITE=agent`: what the agent's loop costs, and how live it is."""

import tempfile
from pathlib import Path
from statistics import median

from bench.cancelling import cancels
from bench.figures import percentile, say_figures, say_machine
from bench.loop import overheads
from bench.token_lag import token_lags

AT_ONCE = {1: "agent.token_lag_p50_ms", 20: "agent.token_lag_20_p50_ms"}
MANY = 200


async def main() -> None:
    """Run the suite."""
    say_machine()
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="polaris-bench-") as temporary:
        folder = Path(temporary)
        figures |= await overheads(folder / "loop")
        cancelled = await cancels(folder / "cancels")
        figures["agent.cancel_closes_ms"] = median(cancelled.closes_ms)
        figures["agent.cancel_lost_chars"] = median(cancelled.lost_chars)
        figures["agent.cancel_lost_chars_max"] = max(cancelled.lost_chars)
        for answers, name in AT_ONCE.items():
            figures[name] = median(await token_lags(folder / f"lag-{answers}", answers))
        many = await token_lags(folder / f"lag-{MANY}", MANY)
        figures["agent.token_lag_200_p95_ms"] = percentile(many, 95)
    say_figures(figures)
