"""What the scenes of the demo share: processes, one person's client and screen, the figures."""

import asyncio
import signal
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from time import monotonic
from typing import Any

from app.demo.client import Api
from app.demo.github import LoopbackGithub
from app.demo.prompts import ANY_PROJECT, SAMPLE, Prompts
from app.demo.screen import Screen
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
    """`project` None: the project that ships with the demo. `data` None: a temporary folder.

    `stays`: the processes stay up at the end, until they are interrupted.
    """

    project: Path | None
    data: Path | None
    stays: bool = False


class DemoFailed(Exception):
    """The demo saw something that must not happen; the text says what."""


@dataclass(frozen=True)
class Ended:
    """One answer as the reader saw it; times are monotonic seconds."""

    message_id: str
    shown: Shown
    posted_at: float
    first_text_at: float | None


@dataclass
class Answer:
    """An answer that is being followed."""

    message_id: str
    posted_at: float
    updates: AsyncGenerator[Shown]
    first_text_at: float | None = None


class Stage:
    """What a scene may use. Scenes run one after the other on the same processes.

    `project_id` and `conversation_id` are those of the project that the first scenes work on, which
    the first of them makes; `asked` counts what was asked in that conversation.
    """

    api: Api
    reader: Reader
    polaris: Child
    github: LoopbackGithub
    project_id: str
    conversation_id: str

    def __init__(self, options: Options, data: Path, environment: Mapping[str, str]) -> None:
        self.options = options
        self.screen = Screen()
        self.prompts: Prompts = SAMPLE if options.project is None else ANY_PROJECT
        self.is_scripted = False
        self.asked = 0
        self.figures: dict[str, object] = {}
        self._data = data
        self._environment = dict(environment)

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """Start the processes; stop them. Raises: StartFailed."""
        async with AsyncExitStack() as stack:
            await self._find_model(stack)
            repositories = Path(mkdtemp(dir=self._data, prefix="github-"))
            self.github = await stack.enter_async_context(LoopbackGithub(repositories))
            self._environment |= self.github.settings
            self.polaris = await self.start_polaris("--port", "0")
            stack.push_async_callback(self._stop_polaris)
            ready = self.polaris.ready
            self.api = await stack.enter_async_context(Api(ready["api"], ready["token"]))
            self.reader = Reader(ready["convex"], ready["token"])
            yield

    async def _find_model(self, stack: AsyncExitStack) -> None:
        keys = [provider.key_variable for provider in PROVIDERS if provider.default_model]
        self.is_scripted = not any(map(self._environment.get, [*keys, "POLARIS_MODELS"]))
        if not self.is_scripted:
            return
        command = ["llm.scripted", "--scenario", str(SCENARIO)]
        log = self._data / "model-server.log"
        server = await Child.start(command, environment=self._environment, log=log)
        stack.push_async_callback(server.stop)
        self._environment |= {
            "ANTHROPIC_API_KEY": "scripted",
            "ANTHROPIC_BASE_URL": server.ready["url"],
        }
        self.screen.note(
            "No ANTHROPIC_API_KEY or OPENAI_API_KEY is set: a scripted model server answers. "
            "It speaks the real wire protocol; what it says is written down beforehand."
        )

    async def start_polaris(self, *ports: str, **settings: str) -> Child:
        """Start API, worker and Convex on the data of this demo. Raises: StartFailed."""
        command = ["app.main", "dev", "--data", str(self._data / "polaris"), *ports]
        environment = self._environment | settings
        return await Child.start(command, environment=environment, log=self._data / "polaris.log")

    async def start_again(self, **settings: str) -> None:
        """Start on the ports of before, where the pages look, once the process has ended."""
        ports = [str(self.polaris.ready[name].rpartition(":")[2]) for name in ("api", "convex")]
        self.polaris = await self.start_polaris(
            "--port", ports[0], "--convex-port", ports[1], **settings
        )

    async def restart(self, **settings: str) -> None:
        """Stop, and start with these settings; the next start is without them."""
        await self.polaris.stop()
        await self.start_again(**settings)

    async def stay(self) -> None:
        """Say where the project can be looked at, and wait until somebody interrupts (Ctrl-C)."""
        ready = self.polaris.ready
        page = f"{ready['api']}/p/{self.project_id}#token={ready['token']}"
        self.screen.note(f"\nThe project is open at {page}\nCtrl-C ends the demo.")
        interrupted, loop = asyncio.Event(), asyncio.get_running_loop()
        for wanted in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(wanted, interrupted.set)
        await interrupted.wait()

    async def _stop_polaris(self) -> None:
        await self.polaris.stop()

    @asynccontextmanager
    async def ask(self, text: str, conversation_id: str | None = None) -> AsyncGenerator[Answer]:
        """Ask, by default in the conversation of the first scenes, and follow the answer."""
        self.screen.asked(text)
        posted_at = monotonic()
        if conversation_id is None:
            self.asked += 1
        message_id = await self.api.post_message(conversation_id or self.conversation_id, text)
        updates = self.reader.follow(message_id, self.screen.changed)
        try:
            yield Answer(message_id, posted_at, updates)
        finally:
            await updates.aclose()

    async def read(self, answer: Answer, *, until_chars: int | None = None) -> Ended:
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

    async def resume(self, answer: Answer) -> tuple[float, Ended]:
        """Follow to the end; and when a page that is opened now sees text that was not there."""
        async with asyncio.TaskGroup() as readers:
            ended = readers.create_task(self.read(answer))
            resumed = readers.create_task(self._first_growth(answer.message_id))
        return resumed.result(), ended.result()

    async def _first_growth(self, message_id: str) -> float:
        """Open the page anew; when its text first grows.

        The reader of before is a poor clock for this: the official client waits, longer each time,
        before it connects again.
        """
        reader = Reader(self.polaris.ready["convex"], self.polaris.ready["token"])
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

    async def expect(self, ended: Ended, status: str) -> dict[str, Any]:
        """The message of an answer that has ended so. Raises: DemoFailed."""
        message = await self.api.message(ended.message_id)
        if message["status"] != status:
            reason = message.get("error") or "no reason given"
            raise DemoFailed(f"the answer is {message['status']}, not {status}: {reason}")
        return message


def ms(start: float, end: float | None) -> int:
    """Milliseconds between two monotonic times; -1 where the second never came."""
    return -1 if end is None else round((end - start) * 1000)
