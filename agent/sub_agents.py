"""The port to sub-agents: what a call of `task` asks for, and what comes back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NewType, Protocol

from agent.durable import Durable
from agent.means import Budget
from core.ids import ToolCallId
from core.usage import Usage
from tools.output import ToolOutput

TaskId = NewType("TaskId", str)


@dataclass(frozen=True)
class Task:
    """What a call of turn `number` hands on; `model` is `provider/model`, None: the agent's own."""

    number: int
    call_id: ToolCallId
    title: str
    prompt: str
    model: str | None = None


@dataclass(frozen=True)
class TaskRef:
    """The result of a step `task-<n>-<call_id>`: the task that was asked for.

    Without an id none was; `refused` says why, unless the call itself is refused. `tools` are those
    that the sub-agent is given; None: all that it can have.
    """

    task_id: TaskId | None = None
    refused: str = ""
    tools: tuple[str, ...] | None = None
    model: str | None = None


@dataclass(frozen=True)
class TaskEnd:
    """How the run of a sub-agent ended: without an error, or with a code and words for people."""

    error_code: str = ""
    error: str = ""


@dataclass(frozen=True)
class Handed:
    """A task that has ended, as far as it was asked for."""

    ref: TaskRef
    end: TaskEnd = TaskEnd()


@dataclass(frozen=True)
class Report:
    """What a sub-agent came to: the result of the call, and what its answer took."""

    output: ToolOutput
    usage: Usage


class SubAgents(Protocol):
    """Who works for one run. `open` and `report` are called inside steps and safe to do twice."""

    async def open(self, task: Task) -> TaskId:
        """Show the call as running and ask for the task, unless it was asked for before."""
        ...

    async def run(
        self, steps: Durable, key: str, task: TaskRef, *, budgets: Sequence[Budget]
    ) -> TaskEnd:
        """Have it done, as a child of this run under `key`, and wait; it ends with this run.

        `budgets` are those of the answer as they stood when its turn began: they bound it, too.
        """
        ...

    async def report(self, task_id: TaskId, end: TaskEnd) -> Report:
        """What it came to. One that ended with an error and does not say so is closed with it."""
        ...
