"""What an agent is: the same for every run."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

from agent.means import Budget
from core.clock import Clock, SystemClock
from llm.model import Model
from llm.wire import Wire
from tools.approvals import Rule
from tools.registry import Toolbox


@dataclass(frozen=True)
class Limits:
    """Bounds of one run."""

    max_turns: int = 10  # turns that may call tools; one more without tools then ends the run
    max_output_tokens: int = 16_000
    history_tokens: int | None = None  # of a request; None: what the model's window holds
    condense_at: float = 0.8  # of what the window holds; from 1 on the model writes no summaries
    stream_attempts: int = 4  # of one turn, when the stream breaks in the middle
    parallel_calls: int = 8
    calls_per_turn: int = 50
    calls_per_answer: int = 750  # each is a durable step, and a run may have 1,000 of those
    ask_timeout: timedelta = timedelta(days=1)  # after it nobody waits for a person's answer
    longest_wait_s: float = 900.0  # of one turn, for a provider that says when to ask again
    tasks_per_answer: int = 20  # each is an answer of a sub-agent
    parallel_tasks: int = 4
    budgets: tuple[Budget, ...] = ()  # looked at before each turn: the last one may go past them


@dataclass(frozen=True)
class Agent:
    """Who answers, with which tools and words, within which bounds.

    With `first_tool`, the first turn has to call that tool. `given` is what its tools may ask their
    place for, besides what is there for every agent. `approvals` are the rules by which a person is
    asked before a call. `task_models` are those that its sub-agents may be given, beside its own.
    `cache_key`: see `ModelRequest`. `pause` waits that many seconds between two attempts at a turn.
    `wire`: see `ModelRequest`.
    """

    model: Model
    toolbox: Toolbox
    system: str
    limits: Limits = Limits()
    first_tool: str | None = None
    given: tuple[object, ...] = ()
    approvals: tuple[Rule, ...] = ()
    task_models: tuple[str, ...] = ()
    cache_key: str = ""
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock: Clock = field(default_factory=SystemClock)
    wire: Wire | None = None
