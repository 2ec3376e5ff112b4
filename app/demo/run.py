"""The story of the demo: a change, a mended error, a cancel, a kill -9; then the figures."""

import asyncio
import json
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from app.demo.calls import calls_of, how_tests_ended
from app.demo.client import Api
from app.demo.project import files_of
from app.demo.prompts import ANY_PROJECT, SAMPLE, Prompts
from app.demo.screen import Screen, common_start
from app.demo.server import Child
from app.demo.watch import Reader, Shown
from llm.providers import PROVIDERS

HERE = Path(__file__).parent
SAMPLE_PROJECT = HERE / "sample"
SCENARIO = HERE / "scenario.json"
CHARS_BEFORE_CUT = 400  # the reader has seen this much of an answer when it is cancelled or killed
ANSWER_S = 300.0  # a real model may take its time


@dataclass(frozen=True)
class Options:
    """`project` None: the project that ships with the demo. `data` None: a temporary folder."""

    project: Path | None
    data: Path | None


class DemoFailed(Exception):
    """The demo saw something that must not happen; the text says what."""


@dataclass(frozen=True)
class Ended:
    """One answer as the reader saw it; times are monotonic seconds."""

    message_id: str
    shown: Shown
    posted_at: float
    first_text_at: float | None


class Story:
    """The acts share a project, a conversation and one reader."""

    def __init__(self, options: Options, data: Path, environment: Mapping[str, str]) -> None:
        self._options = options
        self._data = data
        self._environment = dict(environment)
        self._screen = Screen()
        self._prompts: Prompts = SAMPLE if options.project is None else ANY_PROJECT
        self._asked = 3  # messages, and one more where the project is known
        self.figures: dict[str, object] = {}

    async def run(self) -> dict[str, object]:
        """All acts in order; the figures of the last line. Raises: DemoFailed, StartFailed."""
        async with AsyncExitStack() as stack:
            await self._find_model(stack)
            self._polaris = await self._start_polaris("--port", "0")
            stack.push_async_callback(self._stop_polaris)
            ready = self._polaris.ready
            self._api = await stack.enter_async_context(Api(ready["api"], ready["token"]))
            self._reader = Reader(ready["convex"], ready["token"])
            await self._make_project()
            await self._change_something()
            await self._mend_something()
            await self._cancel_something()
            await self._kill_something()
            await self._count()
        self._screen.table(self.figures)
        return {"ok": True, **self.figures}

    async def _find_model(self, stack: AsyncExitStack) -> None:
        keys = [provider.key_variable for provider in PROVIDERS if provider.default_model]
        self._is_scripted = not any(map(self._environment.get, [*keys, "POLARIS_MODELS"]))
        if not self._is_scripted:
            return
        command = ["llm.scripted", "--scenario", str(SCENARIO)]
        log = self._data / "model-server.log"
        server = await Child.start(command, environment=self._environment, log=log)
        stack.push_async_callback(server.stop)
        self._environment |= {
            "ANTHROPIC_API_KEY": "scripted",
            "ANTHROPIC_BASE_URL": server.ready["url"],
        }
        self._screen.note(
            "No ANTHROPIC_API_KEY or OPENAI_API_KEY is set: a scripted model server answers. "
            "It speaks the real wire protocol; what it says is written down beforehand."
        )

    async def _start_polaris(self, *ports: str) -> Child:
        command = ["app.main", "dev", "--data", str(self._data / "polaris"), *ports]
        return await Child.start(
            command, environment=self._environment, log=self._data / "polaris.log"
        )

    async def _stop_polaris(self) -> None:
        await self._polaris.stop()

    async def _make_project(self) -> None:
        folder = self._options.project or SAMPLE_PROJECT
        files, left_out = await asyncio.to_thread(files_of, folder)
        if not files:
            raise DemoFailed(f"{folder} holds no files that git would keep")
        self._project_id = await self._api.create_project(folder.resolve().name)
        for path, data in files.items():
            await self._api.write_file(self._project_id, path, data)
        self._conversation_id = await self._api.create_conversation(self._project_id, "Demo")
        more = f", {left_out} left out" if left_out else ""
        self._screen.note(f"Project made of {len(files)} files from {folder}{more}.")

    async def _change_something(self) -> None:
        self._screen.heading("1. A message becomes edited files")
        before = await self._api.read_files(self._project_id)
        async with self._ask(self._prompts.change) as answer:
            ended = await self._read(answer)
        message = await self._expect(ended, "completed")
        after = await self._api.read_files(self._project_id)
        self._screen.end_of_text()
        changed = self._screen.diff(before, after)
        self.figures["model"] = str(message["model"]) + (" (scripted)" if self._is_scripted else "")
        self.figures["first_delta_ms"] = _ms(ended.posted_at, ended.first_text_at)
        self.figures["files_changed"] = changed
        if self._is_scripted and changed == 0:
            raise DemoFailed("the first message changed no file")

    async def _mend_something(self) -> None:
        if self._prompts.mended is None:
            self._screen.note("\n[the scene with a type error and tests needs the demo's project]")
            return
        self._screen.heading("2. An edit's type error is seen and mended, and the tests run")
        async with self._ask(self._prompts.mended) as answer:
            ended = await self._read(answer)
        self._screen.end_of_text()
        calls = await calls_of(self._api, await self._expect(ended, "completed"))
        for call in calls:
            self._screen.call(call.name, call.arguments, call.shown)
        self._asked += 1
        self.figures["type_errors_seen"] = sum(len(call.errors) for call in calls)
        self.figures["tests"] = how_tests_ended(calls)
        was_run = not how_tests_ended(calls).startswith("not run")
        if not was_run:
            self._screen.note(f"[the project's tests were {self.figures['tests']}]")
        is_wrong = was_run and (
            self.figures["type_errors_seen"] == 0 or self.figures["tests"] != "passed"
        )
        if self._is_scripted and is_wrong:
            raise DemoFailed(f"the edit's error was not seen, or not mended: {self.figures}")

    async def _cancel_something(self) -> None:
        self._screen.heading("3. An answer is cancelled in the middle")
        async with self._ask(self._prompts.cancelled) as answer:
            cut = await self._read(answer, until_chars=CHARS_BEFORE_CUT)
            cancelled_at = monotonic()
            await self._api.cancel(cut.message_id)
            ended = await self._read(answer)
        self._screen.end_of_text()
        message = await self._expect(ended, "cancelled")
        self._screen.note(f"[cancelled; the {len(message['content'])} characters so far are kept]")
        self.figures["cancel_ms"] = _ms(cancelled_at, ended.shown.at)

    async def _kill_something(self) -> None:
        self._screen.heading("4. kill -9 in the middle of an answer")
        async with self._ask(self._prompts.killed) as answer:
            await self._read(answer, until_chars=CHARS_BEFORE_CUT)
            self._screen.end_of_text()
            self._screen.note(
                f"[kill -9 of process {self._polaris.process.pid}: API, worker and engine]"
            )
            await self._polaris.kill()
            killed_at = monotonic()
            ports = [
                str(self._polaris.ready[name].rpartition(":")[2]) for name in ("api", "convex")
            ]
            self._polaris = await self._start_polaris("--port", ports[0], "--convex-port", ports[1])
            self._screen.note("[started again; the run goes on by itself]")
            resumed_at, ended = await self._resume(answer)
        self._screen.end_of_text()
        message = await self._expect(ended, "completed")
        self.figures["resume_ms"] = _ms(killed_at, resumed_at)
        self.figures["lost_chars"] = self._lost(ended, message["content"])

    def _lost(self, ended: Ended, stored: str) -> int:
        """Characters that the reader saw, or the script says, and the stored answer does not hold.

        The stored one may go on: with a note on why an answer is short, which is not streamed.
        """
        lost = _missing(ended.shown.text, stored)
        if self._is_scripted:
            rules = json.loads(SCENARIO.read_text())["rules"]
            said = [r["reply"]["text"] for r in rules if r["name"].startswith("changelog")]
            lost = max(lost, _missing("\n\n".join(said), stored))
        return lost

    async def _count(self) -> None:
        """Look at everything that was stored for an effect that happened twice."""
        messages = await self._api.messages(self._conversation_id)
        roles = Counter(message["role"] for message in messages)
        calls = [
            (message["messageId"], call["id"])
            for message in messages
            for call in (await self._api.message(message["messageId"])).get("toolCalls", [])
        ]
        texts = [message["content"] for message in messages if message["role"] == "user"]
        files = await self._api.read_files(self._project_id)
        entry = b"`split` loses no cent any more"
        twice = (
            abs(roles["user"] - self._asked)
            + abs(roles["assistant"] - self._asked)
            + len(calls)
            - len(set(calls))
            + len(texts)
            - len(set(texts))
        )
        if self._is_scripted:
            twice += abs(files.get("CHANGELOG.md", b"").count(entry) - 1)
        self.figures["duplicate_effects"] = twice
        if twice or self.figures["lost_chars"]:
            raise DemoFailed(f"something was lost or done twice: {self.figures}")

    @asynccontextmanager
    async def _ask(self, text: str) -> AsyncGenerator["Answer"]:
        self._screen.asked(text)
        posted_at = monotonic()
        message_id = await self._api.post_message(self._conversation_id, text)
        updates = self._reader.follow(message_id, self._screen.changed)
        try:
            yield Answer(message_id, posted_at, updates)
        finally:
            await updates.aclose()

    async def _read(self, answer: "Answer", *, until_chars: int | None = None) -> Ended:
        """Follow until the answer is final, or shows so many characters."""
        shown: Shown | None = None
        async with asyncio.timeout(ANSWER_S):
            async for shown in answer.updates:
                if shown.text and answer.first_text_at is None:
                    answer.first_text_at = shown.at
                if until_chars is not None and len(shown.text) >= until_chars:
                    break
        if shown is None:
            raise DemoFailed("the subscription ended without an update")
        return Ended(answer.message_id, shown, answer.posted_at, answer.first_text_at)

    async def _resume(self, answer: "Answer") -> tuple[float, Ended]:
        """Follow to the end; and when a page that is opened now sees text that was not there."""
        async with asyncio.TaskGroup() as readers:
            ended = readers.create_task(self._read(answer))
            resumed = readers.create_task(self._first_growth(answer.message_id))
        return resumed.result(), ended.result()

    async def _first_growth(self, message_id: str) -> float:
        """Open the page anew; when its text first grows.

        The reader of before is a poor clock for this: the official client waits, longer each time,
        before it connects again.
        """
        reader = Reader(self._polaris.ready["convex"], self._polaris.ready["token"])
        first: Shown | None = None
        async with aclosing(reader.follow(message_id, lambda _before, _after: None)) as updates:
            async for shown in updates:
                if first is None:
                    first = shown
                elif len(shown.text) > len(first.text) or shown.status != "processing":
                    return shown.at
                else:
                    first = shown
        return first.at if first else monotonic()

    async def _expect(self, ended: Ended, status: str) -> dict[str, Any]:
        message = await self._api.message(ended.message_id)
        if message["status"] != status:
            reason = message.get("error") or "no reason given"
            raise DemoFailed(f"the answer is {message['status']}, not {status}: {reason}")
        return message


@dataclass
class Answer:
    """An answer that is being followed."""

    message_id: str
    posted_at: float
    updates: AsyncGenerator[Shown]
    first_text_at: float | None = None


def _missing(text: str, stored: str) -> int:
    return len(text) - len(common_start(text, stored))


def _ms(start: float, end: float | None) -> int:
    return -1 if end is None else round((end - start) * 1000)


async def run_demo(options: Options, environment: Mapping[str, str]) -> int:
    """Play the story; the exit code. The last line on stdout is one JSON object."""
    with tempfile.TemporaryDirectory(prefix="polaris-demo-") as temporary:
        data = options.data or Path(temporary)
        data.mkdir(parents=True, exist_ok=True)
        story = Story(options, data, environment)
        try:
            result = await story.run()
        except Exception as error:  # noqa: BLE001 - the rim of the process: say it and end with 1
            log = data / "polaris.log"
            if log.exists():
                sys.stderr.write(log.read_text(errors="replace")[-4000:])
            sys.stderr.write(f"\nThe demo failed: {error!r}\n")
            result = {"ok": False, "error": str(error), **story.figures}
    sys.stdout.write(json.dumps(result) + "\n")
    return 0 if result["ok"] else 1
