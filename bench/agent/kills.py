"""kill -9 at any moment of an answer: when it goes on, what of it is lost, what is done twice."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any

from app.demo.client import Api
from app.demo.screen import common_start
from app.demo.server import Child
from app.demo.watch import Page, applied
from bench.figures import percentile, say
from bench.product import UNBOUNDED, scripted, start_dev
from llm.scripted.process import ScriptedModel
from llm.scripted.scenario import Call, Pace, Reply, Rule, Scenario, When

KILLS = 200
SEED = 8
LONGEST_S = 4.0  # of the answer, before it is killed: a little longer than it takes
END_S = 60.0
ASK_AGAIN_S = 0.02
PACE = Pace(chunk_chars=4, chars_per_s=400)
FILES = ("a.txt", "b.txt")
TASK = "Write two files, then tell about them."


def _writes(path: str) -> Call:
    return Call(name="writeFile", arguments={"path": path, "content": f"This is {path}.\n" * 20})


SCENARIO = Scenario(
    name="kills bench",
    rules=(
        Rule(
            when=When(user_contains=TASK, tool_results=0),
            reply=Reply(text="First the one. ", repeat=10, tool_calls=(_writes("a.txt"),)),
        ),
        Rule(
            when=When(user_contains=TASK, tool_results=1),
            reply=Reply(text="Now the other. ", repeat=10, tool_calls=(_writes("b.txt"),)),
        ),
        Rule(
            when=When(user_contains=TASK, tool_results=2),
            reply=Reply(text="Both are written. ", repeat=30),
        ),
    ),
    pace=PACE,
)


@dataclass(frozen=True)
class Killed:
    """What came of one kill; `resumed_s` from the ready line of the next process."""

    resumed_s: float
    lost_chars: int
    done_twice: int


async def measure(folder: Path) -> dict[str, float]:
    """`agent.resume_after_kill_p95_s`, `agent.lost_chars_max`, `agent.duplicate_effects`.

    An answer goes on when a reader sees it grow, or end. Lost is what a reader had seen before the
    kill and the whole answer does not begin with. Done twice are messages, calls and versions of
    files beyond one of each.
    """
    say(f"{KILLS} answers of three turns and two files, each killed once (seed {SEED})")
    chance = random.Random(SEED)  # noqa: S311 - when to kill
    async with scripted(SCENARIO, folder) as model:
        dev = Dev(model, folder)
        await dev.start()
        try:
            came = [await dev.killed(chance.uniform(0, LONGEST_S)) for _ in range(KILLS)]
        finally:
            await dev.stop()
    resumed = [each.resumed_s for each in came]
    say(f"  ready line → it goes on: p50 {median(resumed):.2f} s, longest {max(resumed):.2f} s")
    return {
        "agent.resume_after_kill_p95_s": percentile(resumed, 95),
        "agent.lost_chars_max": max(each.lost_chars for each in came),
        "agent.duplicate_effects": sum(each.done_twice for each in came),
        "agent.kills": len(came),
    }


class Dev:
    """`polaris dev`, which is killed and started again on the same data and ports."""

    def __init__(self, model: ScriptedModel, folder: Path) -> None:
        self._model = model
        self._folder = folder
        self._options: tuple[str, ...] = ("--port", "0")
        self._child: Child | None = None

    async def start(self) -> Mapping[str, Any]:
        """Its ready line."""
        self._child = await start_dev(self._model, self._folder, UNBOUNDED, options=self._options)
        ready = self._child.ready
        ports = [str(ready[name].rpartition(":")[2]) for name in ("api", "convex")]
        self._options = ("--port", ports[0], "--convex-port", ports[1])
        return ready

    async def stop(self) -> None:
        """The polite way."""
        if self._child is not None:
            await self._child.stop()

    async def killed(self, after_s: float) -> Killed:
        """Ask, kill so many seconds later, start again, and see it to the end."""
        if self._child is None:
            raise RuntimeError("it is not running")
        ready = self._child.ready
        async with Api(ready["api"], ready["token"]) as api:
            project = await api.create_project("kills")
            conversation = await api.create_conversation(project, "kills")
            asked_at = monotonic()
            message = await api.post_message(conversation, TASK)
            seen = ""
            while monotonic() - asked_at < after_s:
                seen = await _shown(api, message)
                await asyncio.sleep(ASK_AGAIN_S)
        await self._child.kill()
        ready = await self.start()
        began_at = monotonic()
        async with Api(ready["api"], ready["token"]) as api:
            resumed_s = await _until_it_goes_on(api, message, began_at)
            answer = await _ended(api, message)
            lost = len(seen) - len(common_start(seen, answer["content"]))
            return Killed(resumed_s, lost, await _twice(api, project, conversation, answer))


async def _ended(api: Api, message: str) -> Mapping[str, Any]:
    async with asyncio.timeout(END_S):
        while True:
            answer = await api.message(message)
            if answer["status"] != "processing":
                return answer
            await asyncio.sleep(ASK_AGAIN_S)


async def _until_it_goes_on(api: Api, message: str, began_at: float) -> float:
    first: str | None = None
    async with asyncio.timeout(END_S):
        while True:
            text = await _shown(api, message)
            if first is None:
                first = text
            if text != first or (await api.message(message))["status"] != "processing":
                return monotonic() - began_at
            await asyncio.sleep(ASK_AGAIN_S)


async def _shown(api: Api, message: str) -> str:
    """The text that a page shows by now."""
    parts = applied({}, Page.model_validate(await api.deltas(message)).runs)
    return "".join(parts[part] for part in sorted(parts))


async def _twice(api: Api, project: str, conversation: str, answer: Mapping[str, Any]) -> int:
    messages = await api.messages(conversation)
    versions = {file["path"]: file["version"] for file in await api.files(project)}
    calls = [call["id"] for call in answer.get("toolCalls", [])]
    surplus = [
        abs(len(messages) - 2),
        abs(len(calls) - len(FILES)),
        abs(max(versions.values(), default=0) - len(FILES)),  # counted in the project
        len(versions.keys() ^ set(FILES)),
    ]
    return sum(surplus) + (answer["status"] != "completed")
