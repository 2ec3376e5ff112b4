"""A GitHub on loopback and `polaris dev`, each a process of its own, and what they use up."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import aiohttp
import psutil

from app.demo.server import Child
from app.settings import own_environment
from bench import probed
from bench.product import scripted, start_dev
from llm.scripted.scenario import Scenario
from tests.support.api_client import Api, api_at
from tests.support.github import Repositories

TOKEN = "ghp_0123456789abcdefBENCHTOKEN012345678"  # noqa: S105 - of nobody
LOGIN = "octo"
POLL_S = 0.1  # so seldom that asking costs little beside what is asked about
LOOK_S = 0.05  # for the first file
SAMPLE_S = 0.1
LONGEST_S = 600.0


class TransferWrong(Exception):
    """A transfer did not end as it should; a figure would mean nothing."""


@dataclass
class Used:
    """What a stretch of time took. Memory is the most of it, in MiB; a stall the longest, in ms.

    `git_mib`: the worker with the git processes that it had started at the time. `busy_ms`: as
    `stall_ms`, but what the thread of the loop itself computed, without what ran beside it.
    """

    worker_mib: float = 0.0
    git_mib: float = 0.0
    convex_mib: float = 0.0
    stall_ms: float = 0.0
    busy_ms: float = 0.0
    worker_cpu_s: float = 0.0
    convex_cpu_s: float = 0.0


@dataclass(frozen=True)
class Rig:
    """Both of them, with their addresses."""

    github_url: str
    api_url: str
    repositories: Repositories
    api: Api
    pid: int
    stalls: Path

    async def api_requests(self) -> int:
        """Requests to GitHub's API so far."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.github_url}/-/asked") as it,
        ):
            asked: list[str] = await it.json()
        return len([each for each in asked if "/api/v3/" in each])

    async def ended(self, project_id: str) -> dict[str, Any]:
        """The newest transfer of a project, once it is completed. Raises: TransferWrong."""
        async with asyncio.timeout(LONGEST_S):
            while True:
                page = await self.api.ok("GET", f"/api/projects/{project_id}/transfers")
                transfer = page["transfers"][0]
                if transfer["status"] == "completed":
                    return transfer
                if transfer["status"] != "running":
                    raise TransferWrong(transfer)
                await asyncio.sleep(POLL_S)

    async def first_file(self, project_id: str) -> float:
        """When the list of files had one."""
        async with asyncio.timeout(LONGEST_S):
            while True:
                page = await self.api.ok("GET", f"/api/projects/{project_id}/files?limit=20")
                if any(entry["type"] == "file" for entry in page["files"]):
                    return monotonic()
                await asyncio.sleep(LOOK_S)

    @asynccontextmanager
    async def used(self) -> AsyncGenerator[Used]:
        """What is used up in the block; it is filled in at its end."""
        found = Used()
        await asyncio.to_thread(_begin_peak, self.pid)
        began = monotonic()
        worker_s, convex_s = await asyncio.to_thread(_processor_s, self.pid)
        async with asyncio.TaskGroup() as tasks:
            sampling = tasks.create_task(self._sample(found))
            try:
                yield found
            finally:
                sampling.cancel()
        now_worker_s, now_convex_s = await asyncio.to_thread(_processor_s, self.pid)
        found.worker_cpu_s, found.convex_cpu_s = now_worker_s - worker_s, now_convex_s - convex_s
        found.worker_mib = max(found.worker_mib, await asyncio.to_thread(_peak_mib, self.pid))
        found.git_mib = max(found.git_mib, found.worker_mib)
        for line in (await asyncio.to_thread(self.stalls.read_text)).splitlines():
            at, late_s, busy_s = map(float, line.split())
            if at >= began:
                found.stall_ms = max(found.stall_ms, late_s * 1000)
                found.busy_ms = max(found.busy_ms, busy_s * 1000)

    async def _sample(self, found: Used) -> None:
        while True:
            worker, git, convex = await asyncio.to_thread(_memory, self.pid)
            found.worker_mib = max(found.worker_mib, worker)
            found.git_mib = max(found.git_mib, worker + git)
            found.convex_mib = max(found.convex_mib, convex)
            await asyncio.sleep(SAMPLE_S)


@asynccontextmanager
async def rig(folder: Path, *, delay_ms: float) -> AsyncGenerator[Rig]:
    """Both run while the block does; GitHub waits `delay_ms` before each answer."""
    root = folder / "github"
    options = ["--root", str(root), "--user", f"{TOKEN}={LOGIN}", "--delay-ms", str(delay_ms)]
    github = await Child.start(
        ["tests.support.github", *options],
        environment=own_environment(),
        log=folder / "github.log",
    )
    try:
        stalls = folder / "stalls"
        given = {
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_SERVER_URL": github.ready["url"],
            "GITHUB_API_URL": github.ready["api"],
            probed.VARIABLE: str(stalls),
        }
        async with scripted(Scenario(name="github bench", rules=()), folder) as model:
            child = await start_dev(model, folder, given, module="bench.probed")
            try:
                async with api_at(child.ready["api"], "local", child.ready["token"]) as api:
                    pid, url = child.process.pid, github.ready["url"]
                    yield Rig(url, child.ready["api"], Repositories(root), api, pid, stalls)
            finally:
                await child.stop()
    finally:
        await github.stop()


def _memory(pid: int) -> tuple[float, float, float]:
    """MiB of the worker, of the git processes below it, and of its embedded Convex."""
    worker = git = convex = 0.0
    process = psutil.Process(pid)
    for each in (process, *process.children(recursive=True)):
        try:
            size, name = each.memory_info().rss / 2**20, each.name()
        except psutil.NoSuchProcess:
            continue
        if each.pid == pid:
            worker = size
        elif name.startswith("git"):
            git += size
        else:
            convex += size
    return worker, git, convex


def _processor_s(pid: int) -> tuple[float, float]:
    """Seconds of processors that the worker, and its embedded Convex, have had."""
    process = psutil.Process(pid)
    others = [each.cpu_times() for each in process.children() if not each.name().startswith("git")]
    own = process.cpu_times()
    return own.user + own.system, sum(spent.user + spent.system for spent in others)


def _begin_peak(pid: int) -> None:
    """What the kernel counts begins anew."""
    if (place := Path(f"/proc/{pid}/clear_refs")).exists():
        place.write_text("5")


def _peak_mib(pid: int) -> float:
    """The most that a process had, as the kernel counts it; 0 where it does not."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return 0.0
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024
