"""The names of steps: their ids, counted where used again, refused where the count is luck."""

import asyncio
from contextlib import suppress
from contextvars import ContextVar, Token
from dataclasses import dataclass
from itertools import count
from typing import Any, Protocol

from engine.errors import NonRetriable


@dataclass(eq=False)
class _BranchTask:
    """A task of the body, beside the main one, that has called a step."""

    parent: "_BranchTask | None"
    born: int
    ended: int | None = None
    called: int = 0

    def is_beside(self, other: "_BranchTask") -> bool:
        """Whether this younger one runs side by side with the other, and not below it."""
        above: _BranchTask | None = self
        while above is not None:
            if above is other:
                return False
            above = above.parent
        return other.ended is None or other.ended > self.born


@dataclass(frozen=True)
class _Use:
    caller: _BranchTask
    is_its_first: bool


_branch: ContextVar[str] = ContextVar("engine_branch", default="")


def current_branch() -> str:
    """What the names of steps begin with here: "" outside `parallel` and `race`."""
    return _branch.get()


def enter_branch(prefix: str) -> Token[str]:
    """The current task goes on in a branch; for the engine."""
    return _branch.set(prefix)


def leave_branch(token: Token[str]) -> None:
    """Undo `enter_branch`."""
    with suppress(ValueError):  # another context closes what its loop has left suspended
        _branch.reset(token)  # a race that is replayed has no task of its own


_branch_task: ContextVar[_BranchTask | None] = ContextVar("engine_branch_task", default=None)


class Names(Protocol):
    """Gives the steps of a run their names."""

    def next(self, step_id: str, branch: str) -> str:
        """The name of a step that the current task calls now, in this branch; no other has it."""
        ...

    def clear(self) -> None:
        """The body starts over: ids count from the beginning again."""
        ...


class StepNames:
    """The names that one execution of a body has given so far.

    Names must come out the same in a replay. Tasks that run side by side start in a fixed order, so
    the first step of each may have the same id; which of them comes to its second step first is a
    matter of timing.
    """

    __slots__ = ("_branches", "_counts", "_main")

    def __init__(self, main: asyncio.Task[Any]) -> None:
        """For a body that executes in this task."""
        self._main = main
        self._counts: dict[str, int] = {}
        self._branches: _Branches | None = None

    def next(self, step_id: str, branch: str = "") -> str:
        """The name of a step that the current task calls now; no other step has it.

        It begins with that of the branch.

        A counted name that is an id of the job as well counts as a use of that id: `a`, `a`, `a:1`
        are `a`, `a:1`, `a:1:1`. So whoever is first to use a name always has it, as has been
        recorded before names were made free.

        Raises:
            NonRetriable: tasks side by side use this id in an order that is left to chance.
        """
        task = asyncio.current_task()
        use = None
        if task is not self._main and task is not None:
            self._branches = self._branches or _Branches()
            use = self._branches.use(task)
        name, counts = branch + step_id, self._counts
        while True:
            if use is not None and self._branches is not None:
                self._branches.check(name, use)
            number = counts.get(name, 0)
            counts[name] = number + 1
            if not number:
                return name
            name = f"{name}:{number}"

    def clear(self) -> None:
        """The body starts over: ids count from the beginning again."""
        self._counts.clear()
        self._branches = None


class _Branches:
    """The tasks of one execution, beside the main one, and which ids they use."""

    def __init__(self) -> None:
        self._uses: dict[str, list[_Use]] = {}
        self._tasks: dict[asyncio.Task[Any], _BranchTask] = {}
        self._ticks = count()

    def use(self, task: asyncio.Task[Any]) -> _Use:
        """What one more step of this task is."""
        caller = self._tasks.get(task) or self._begin(task)
        caller.called += 1
        return _Use(caller, caller.called == 1)

    def check(self, step_id: str, use: _Use) -> None:
        """Raise NonRetriable where this use of an id is in an order that is left to chance."""
        caller = use.caller
        earlier = self._uses.setdefault(step_id, [])
        for other in earlier:
            both_first = use.is_its_first and other.is_its_first
            if not both_first and other.caller is not caller and _are_beside(caller, other.caller):
                raise NonRetriable(
                    f"step {step_id!r} is used by two branches that run side by side: which is "
                    "which would be luck after a crash. Give each branch ids of its own, or run "
                    "them with step.parallel, which does so"
                )
        earlier.append(use)

    def _begin(self, task: asyncio.Task[Any]) -> _BranchTask:
        # A task starts with a copy of the context of the one that made it.
        caller = self._tasks[task] = _BranchTask(_branch_task.get(), next(self._ticks))
        _branch_task.set(caller)
        task.add_done_callback(lambda _: self._end(task, caller))
        return caller

    def _end(self, task: asyncio.Task[Any], caller: _BranchTask) -> None:
        caller.ended = next(self._ticks)
        self._tasks.pop(task, None)


def _are_beside(one: _BranchTask, other: _BranchTask) -> bool:
    younger, older = (one, other) if one.born > other.born else (other, one)
    return younger.is_beside(older)
