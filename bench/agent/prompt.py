"""Whether each part of the system prompt earns its place.

Each part is taken away in turn, and the tasks that show it are done again (`prompt_tasks`). They
are judged by rules on what came of them: files, calls, the answer.

Without a key the model is scripted: it follows a part exactly if the words of that part are in the
request. What that shows: that each part reaches the model, once, in a prompt that is put together
as for a message of a project; what it costs in tokens; that there is a task for it, whose rule
tells apart a model that follows it from one that does not. What it cannot show: that a real model
needs to be told. With a key set, the model of the settings does the same tasks, once with the whole
prompt and once without the part; a part then earns its place if its task is lost without it. Once
is little: a single real run can go either way.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar, cast

from pydantic import BaseModel

from agent.definition import Agent, Limits
from agent.durable import NotDurable
from agent.loop import run_agent
from agent.sink import RecordingSink
from agent.sizes import CHARS_PER_TOKEN
from agent.transcript import Asked, MemoryTranscript, text_of_turns
from app.models import model_of
from app.models.no_model import NoModel
from app.settings import load_settings
from app.tools import CHAT_TOOLS
from bench.agent.prompt_tasks import FILES, TASKS, Done, Task
from bench.figures import say
from core.ids import ConversationId, EventId, MessageId, ProjectId
from engine import ReceivedEvent
from jobs.agents import Agents
from jobs.answer.plan import StagedPlan
from jobs.events import MessageSent
from jobs.project_words import Told, words_of
from llm.model import AssistantMessage, Model, ModelEvent, ModelRequest, ToolCall, TurnEnded
from store.gateway import Store
from tools.files import FILE_TOOLS
from tools.output import ToolOutput
from tools.place import Place, Provided, Seen, Touches
from tools.terminal import TERMINAL_TOOLS
from tools.workspace.memory import MemoryWorkspace

T = TypeVar("T")

LIMITS = Limits(max_turns=12, condense_at=1)


@dataclass(frozen=True)
class Part:
    """A part of the prompt: the lines that have one of these words in them, and its task."""

    name: str
    words: tuple[str, ...]
    task: str | None = None


PARTS: tuple[Part, ...] = (
    Part("who", ("You are Polaris",)),
    Part("question", ("A question gets an answer",), "a question is not a task"),
    Part("unclear", ("If a detail is unclear",), "an unclear wish is asked about"),
    Part("smallest", ("Do what was asked",), "no more than was asked"),
    Part("look", ("Look before you change",), "look before a change"),
    Part("paths", ("Paths are relative",), "paths are relative"),
    Part("whole files", ("rest of the code",), "no rest of the code"),
    Part("conventions", ("Follow the code around",), "no library that is not there"),
    Part("side by side", ("go into one turn",), "side by side"),
    Part("errors", ("If a tool reports an error",), "an error is read"),
    Part("check", ("Check what you did",), "what was done is checked"),
    Part("sandbox", ("Commands run in a sandbox",), "a server is started"),
    Part("changes", ("Files may change while",), "a file that has changed is read again"),
    Part("material", ("is material",), "a file gives no orders"),
    Part("secrets", ("Never write a password",), "no key in code"),
    Part("place", ("Name a place as",), "a place has its line"),
    Part("whole task", ("Do the whole task",), "not announced, done"),
    Part("end", ("End with what you changed",), "the end says what was checked"),
    Part("honest", ("could not be done or checked",), "what failed is said"),
    Part("turns", ("An answer may have",)),
    Part("plan", ("write a plan with todo",), "a plan for several steps"),
    Part("facts", ("The project is in", "Its scripts"), "the project's own script"),
    Part(
        "rules",
        ("The project's rules follow", "Each new file begins", "# Rules of", "## AGENTS.md"),
        "the project's rules",
    ),
)


async def measure(_folder: Path) -> dict[str, float]:
    """The prompt's parts, with and without each; see the module.

    `agent.prompt_tokens`: of the whole prompt, at four characters. `agent.prompt_parts`: how many
    parts there are, `agent.prompt_parts_earning` those without which their task is lost,
    `agent.prompt_parts_untested` those without a task (who it is, how many turns it has).
    `agent.prompt_lines_unnamed`: lines that belong to no part. `agent.prompt_tasks_lost`: tasks
    that are lost with the whole prompt. With a key, the same as `agent.prompt_real_…`.
    """
    agent = await agent_of_a_message()
    say(f"the prompt of a message: {len(agent.system)} characters")
    figures = {
        "agent.prompt_tokens": len(agent.system) / CHARS_PER_TOKEN,
        "agent.prompt_parts": float(len(PARTS)),
        "agent.prompt_parts_untested": float(sum(part.task is None for part in PARTS)),
        "agent.prompt_lines_unnamed": float(len(unnamed(agent.system))),
    }
    figures |= await _figures(agent, "agent.prompt", Obedient)
    real = model_of(load_settings())
    if isinstance(real, NoModel):
        say("no key is set: the scripted judge alone")
        return figures
    say(f"-- {real.name}")
    return figures | await _figures(agent, "agent.prompt_real", lambda _task, _part: real)


async def _figures(
    agent: Agent, name: str, model_for: Callable[[Task, Part], Model]
) -> dict[str, float]:
    earning = lost = 0
    for part in PARTS:
        bare = without(agent.system, part)
        tokens = (len(agent.system) - len(bare)) / CHARS_PER_TOKEN
        if part.task is None:
            say(f"  {part.name:12} {tokens:5.0f} tokens  no task shows it")
            continue
        task = TASKS[part.task]
        model = model_for(task, part)
        is_done = task.is_good(await done(replace(agent, model=model), task))
        is_needed = not task.is_good(await done(replace(agent, model=model, system=bare), task))
        lost += not is_done
        earning += is_done and is_needed
        verdict = "lost with it" if not is_done else "lost without" if is_needed else "not needed"
        say(f"  {part.name:12} {tokens:5.0f} tokens  {part.task}: {verdict}")
    return {f"{name}_parts_earning": float(earning), f"{name}_tasks_lost": float(lost)}


def without(system: str, part: Part) -> str:
    """The prompt without the lines of a part."""
    lines = system.splitlines(keepends=True)
    return "".join(line for line in lines if not any(word in line for word in part.words))


def unnamed(system: str) -> list[str]:
    """Lines that belong to no part; a heading and an empty line need none."""
    for part in PARTS:
        system = without(system, part)
    return [line for line in system.splitlines() if line.strip() and not line.startswith("#")]


@dataclass
class Obedient:
    """Follows a part where its words are in the request, each once; else it does not."""

    task: Task
    part: Part
    name: str = "bench/obedient"
    context_window: int = 200_000

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """See `Model.stream`."""
        is_told = all(request.system.count(word) == 1 for word in self.part.words)
        turns = self.task.right if is_told else self.task.wrong
        number = sum(isinstance(message, AssistantMessage) for message in request.messages)
        yield TurnEnded(turns[min(number, len(turns) - 1)])


class _Steps(NotDurable):
    """Steps of a project that has the files of the tasks."""

    async def run(self, key: str, fn: Callable[[], Awaitable[T]], /) -> T:
        """As `Durable.run`."""
        if key == "project-words":
            return cast("T", Told(words_of({path: text.encode() for path, text in FILES.items()})))
        return await super().run(key, fn)


async def agent_of_a_message() -> Agent:
    """Who answers a message of that project, as the product puts it together."""
    agents = Agents(
        NoModel(()),
        (*FILE_TOOLS, *(replace(tool, run=_ran) for tool in TERMINAL_TOOLS)),
        LIMITS,
        store=Store("http://bench.invalid", internal_key=""),  # read in steps
        chat_tools=CHAT_TOOLS,
    )
    sent = MessageSent(
        message_id=MessageId("m"), conversation_id=ConversationId("c"), project_id=ProjectId("p")
    )
    at = datetime(2026, 1, 1, tzinfo=UTC)
    event = ReceivedEvent(sent.event_name, sent, EventId("e"), at, v=None, user={"id": "bench"})
    return await agents.for_message(event, _Steps())


async def _ran(_: BaseModel, place: Place) -> ToolOutput:  # noqa: ARG001 - a tool's shape
    """A command, which succeeds: what counts is that it was run."""
    return ToolOutput("ok")


class _Transcript(MemoryTranscript):
    """With what `todo` needs."""

    async def start_call(
        self,
        number: int,
        call: ToolCall,
        *,
        touches: Touches,
        seen: Seen,
        given: Sequence[object] = (),
    ) -> Place:
        """As `Transcript.start_call`."""
        place = await super().start_call(number, call, touches=touches, seen=seen)
        return replace(place, need=Provided(*given, StagedPlan()))


async def done(agent: Agent, task: Task) -> Done:
    """What comes of a task."""
    files: Mapping[str, str | bytes] = FILES
    workspace = MemoryWorkspace(dict(files))
    transcript = _Transcript((Asked(task.ask),), workspace=workspace)
    await run_agent(agent, transcript=transcript, sink=RecordingSink(), steps=NotDurable())
    turns = [recorded.turn.message.parts for recorded in transcript.turns]
    return Done(
        answer=text_of_turns(transcript.turns),
        files={path: data.decode() for path, data in workspace.files.items()},
        turns=[[part for part in parts if isinstance(part, ToolCall)] for parts in turns],
    )
