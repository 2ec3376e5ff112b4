"""Starting a scripted model from Python: as a process of its own, or inside this one."""

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from llm.scripted.journal import Stage
from llm.scripted.scenario import Scenario
from llm.scripted.serve import start
from llm.scripted.server import ScriptedServer

START_S = 20.0
STOP_S = 5.0


class ScriptedModelDied(Exception):
    """The process ended before it was ready."""


@dataclass(frozen=True)
class ScriptedModel:
    """A running scripted model; Anthropic's SDK takes `url`, OpenAI's `openai_url`."""

    url: str

    @property
    def openai_url(self) -> str:
        """With the `/v1` that OpenAI's base URLs end in."""
        return f"{self.url}/v1"

    async def requests(self, *, until: Stage | None = None, count: int = 1) -> list[dict[str, Any]]:
        """What it was asked, oldest first: `llm.scripted.journal.Record` as plain values.

        With `until`, waits up to 10 s until `count` requests have reached that stage.
        """
        query = {} if until is None else {"until": until, "count": str(count)}
        async with (
            aiohttp.ClientSession(raise_for_status=True) as session,
            session.get(f"{self.url}/__scripted/requests", params=query) as response,
        ):
            return (await response.json())["requests"]

    async def play(self, scenario: Scenario) -> None:
        """Use another scenario from now on."""
        await self._post("scenario", scenario.model_dump_json())

    async def reset(self) -> None:
        """Forget requests, counters and caches."""
        await self._post("reset", "")

    async def _post(self, route: str, body: str) -> None:
        async with (
            aiohttp.ClientSession(raise_for_status=True) as session,
            session.post(f"{self.url}/__scripted/{route}", data=body.encode()),
        ):
            pass


@asynccontextmanager
async def scripted_here(scenario: Scenario) -> AsyncGenerator[ScriptedModel]:
    """A scripted model on this event loop, for unit tests."""
    runner, url = await start(ScriptedServer(scenario))
    try:
        yield ScriptedModel(url)
    finally:
        await runner.cleanup()


@asynccontextmanager
async def scripted_process(scenario: Scenario) -> AsyncGenerator[ScriptedModel]:
    """A scripted model in a process of its own; it is stopped on the way out.

    Raises:
        ScriptedModelDied: it did not come up.
    """
    with tempfile.TemporaryDirectory(prefix="scripted-model-") as folder:
        path = Path(folder) / "scenario.json"
        await asyncio.to_thread(path.write_text, scenario.model_dump_json())
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "llm.scripted", "--scenario", str(path),
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            yield ScriptedModel(await _ready(process))
        finally:
            await _stop(process)


async def _ready(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None  # noqa: S101 - it was asked for above
    async with asyncio.timeout(START_S):
        line = await process.stdout.readline()
    if not line:
        raise ScriptedModelDied(f"the scripted model ended with code {await process.wait()}")
    return json.loads(line)["url"]


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
