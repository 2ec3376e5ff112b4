"""Front ends A and J: how many of their calls are answered, and what their live list costs."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from bench.doors.live_list import bytes_ratio
from bench.figures import say
from tests.contracts.front_ends import convex_calls, http_calls
from tests.contracts.front_ends.served import page_of

CALLS = {
    "a": {**convex_calls.A, **http_calls.A},
    "j": {**convex_calls.J, **http_calls.J},
}


async def measure(folder: Path) -> Mapping[str, float]:
    """Both figures."""
    figures: dict[str, float] = {}
    for name in CALLS:
        figures[f"doors.{name}_calls"] = await answered(name, folder / name)
    figures["doors.get_messages_bytes_ratio"] = await bytes_ratio(folder / "live")
    return figures


async def answered(name: str, folder: Path) -> int:
    """How many calls of a front end are answered in the shape that it reads."""
    calls = CALLS[name]
    await asyncio.to_thread(folder.mkdir, parents=True)
    count = 0
    async with page_of(name, folder) as page:
        for path, call in calls.items():
            try:
                await call(page)
            except Exception as fault:  # noqa: BLE001 - whatever it is, it is no answer
                say(f"  {name}: {path}: {type(fault).__name__}: {fault}")
            else:
                count += 1
    say(f"  {name}: {count} of {len(calls)} calls answered in their shape")
    return count
