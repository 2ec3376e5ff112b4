"""An import and an export of 5,000 files, beside git's clone and push of the same.

`github.import_ratio_vs_clone`: from the POST until the transfer is completed, all files in the
store, ÷ `git clone --depth 1`; the median of the rounds, each with a clone of its own.
`github.export_ratio_vs_push`: the same ÷ `git init`, `add`, `commit` and `push` of a clone's files.
`github.import_api_requests`, `github.export_api_requests`: the most of a round.
`github.first_file_visible_ms`: from the POST until the API lists a file; the median.
`github.peak_rss_mib`: the most that the worker and its git processes had together in an import.
`github.event_loop_stall_ms`: how late the worker's event loop was at worst, and
`github.event_loop_busy_ms` how long it computed at a stretch; the median of the rounds' worst.
All of them end in `_80ms` where GitHub waits so long before each of its answers.
"""

import asyncio
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import monotonic

from bench.figures import say, say_rounds
from bench.github import input, peers  # noqa: A004 - what goes in
from bench.github.rig import LOGIN, TOKEN, Rig, TransferWrong, Used, rig
from tests.support.github import File

ROUNDS = 3
SOURCE = f"{LOGIN}/large"
SMALL = f"{LOGIN}/small"


@dataclass(frozen=True)
class Round:
    """One of each; seconds, and requests to GitHub's API."""

    clone_s: float
    import_s: float
    first_file_s: float
    import_requests: int
    push_s: float
    export_s: float
    export_requests: int
    importing: Used
    exporting: Used


async def near(folder: Path) -> Mapping[str, float]:
    """GitHub on loopback."""
    return await _measured(folder, delay_ms=0, suffix="")


async def far(folder: Path) -> Mapping[str, float]:
    """The same, with 80 ms more before each answer."""
    return await _measured(folder, delay_ms=80, suffix="_80ms")


async def _measured(folder: Path, *, delay_ms: float, suffix: str) -> Mapping[str, float]:
    async with rig(folder, delay_ms=delay_ms) as running:
        await _warmed(running)
        tree = await asyncio.to_thread(input.make, running.repositories, SOURCE)
        rounds = [await _round(running, folder, number, tree) for number in range(ROUNDS)]
    figures = {
        "import_ratio_vs_clone": say_rounds(
            "import ÷ clone", [it.import_s / it.clone_s for it in rounds], ""
        ),
        "export_ratio_vs_push": say_rounds(
            "export ÷ push", [it.export_s / it.push_s for it in rounds], ""
        ),
        "first_file_visible_ms": say_rounds(
            "first file visible", [it.first_file_s * 1000 for it in rounds], "ms"
        ),
        "import_api_requests": max(it.import_requests for it in rounds),
        "export_api_requests": max(it.export_requests for it in rounds),
        "peak_rss_mib": max(it.importing.git_mib for it in rounds),
        "peak_rss_worker_mib": max(it.importing.worker_mib for it in rounds),
        "peak_rss_convex_mib": max(it.importing.convex_mib for it in rounds),
        "export_peak_rss_mib": max(it.exporting.git_mib for it in rounds),
        "event_loop_stall_ms": median(it.importing.stall_ms for it in rounds),
        "event_loop_busy_ms": median(it.importing.busy_ms for it in rounds),
        "export_event_loop_stall_ms": median(it.exporting.stall_ms for it in rounds),
        "export_event_loop_busy_ms": median(it.exporting.busy_ms for it in rounds),
        "clone_s": median(it.clone_s for it in rounds),
        "import_s": median(it.import_s for it in rounds),
        "push_s": median(it.push_s for it in rounds),
        "export_s": median(it.export_s for it in rounds),
    }
    return {f"github.{name}{suffix}": value for name, value in figures.items()}


async def _warmed(running: Rig) -> None:
    """One small file there and back: routes, modules and connections are made once a process."""
    await asyncio.to_thread(running.repositories.make, SMALL)
    await asyncio.to_thread(running.repositories.commit, SMALL, [File(b"a", b"a\n")])
    asked = await running.api.ok("POST", "/api/github/import", {"url": SMALL})
    await running.ended(asked["projectId"])
    await running.first_file(asked["projectId"])
    await _exported(running, asked["projectId"], "small-copy")


async def _round(running: Rig, folder: Path, number: int, tree: str) -> Round:
    clone = folder / f"clone-{number}"
    clone_s = await peers.clone(f"{running.github_url}/{SOURCE}.git", clone)
    before = await running.api_requests()
    async with running.used() as importing:
        project_id, import_s, first_s = await _imported(running)
    between = await running.api_requests()
    pushed = f"{LOGIN}/pushed-{number}"
    await asyncio.to_thread(running.repositories.make, pushed)
    push_s = await peers.push(clone, f"{running.github_url}/{pushed}.git", TOKEN)
    await asyncio.to_thread(shutil.rmtree, clone)
    async with running.used() as exporting:
        export_s = await _exported(running, project_id, f"exported-{number}")
    after = await running.api_requests()
    for copy in (pushed, f"{LOGIN}/exported-{number}"):
        if await asyncio.to_thread(running.repositories.tree, copy) != tree:
            raise TransferWrong(f"{copy} has another tree than what was imported")
    say(
        f"  round {number}: clone {clone_s:.2f} s, import {import_s:.2f} s (first file after "
        f"{first_s:.2f} s); push {push_s:.2f} s, export {export_s:.2f} s"
    )
    say(f"    importing: {importing}")
    say(f"    exporting: {exporting}")
    return Round(
        clone_s,
        import_s,
        first_s,
        between - before,
        push_s,
        export_s,
        after - between,
        importing,
        exporting,
    )


async def _imported(running: Rig) -> tuple[str, float, float]:
    """The project, and the seconds until it was whole and until the first file was seen."""
    started = monotonic()
    asked = await running.api.ok("POST", "/api/github/import", {"url": SOURCE})
    project_id: str = asked["projectId"]
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(running.first_file(project_id))
        transfer = await running.ended(project_id)
        took_s = monotonic() - started
    if (transfer["done"], transfer.get("skippedCount")) != (input.FILES, 0):
        raise TransferWrong(transfer)
    return project_id, took_s, first.result() - started


async def _exported(running: Rig, project_id: str, name: str) -> float:
    body = {"projectId": project_id, "repoName": name, "visibility": "private"}
    started = monotonic()
    await running.api.ok("POST", "/api/github/export", body)
    await running.ended(project_id)
    return monotonic() - started
