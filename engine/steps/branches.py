"""Steps that go side by side: branches of a body, which have names of their own."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TypeVar

from engine.events import WireEvent
from engine.steps.durable import RunState
from engine.steps.journal import History
from engine.steps.naming import current_branch, enter_branch, leave_branch
from engine.steps.process_ends import failure_of
from engine.steps.timed import TimedSteps

T = TypeVar("T")


class BranchingSteps(TimedSteps):
    """`step.parallel` and `step.race`."""

    def __init__(self, run: RunState, history: History, *, cause: WireEvent) -> None:
        super().__init__(run, history, cause=cause)
        self._groups: Counter[str] = Counter()

    @property
    def branch(self) -> str:
        """What the ids of steps begin with here: "" outside `parallel` and `race`."""
        return current_branch()

    async def parallel(self, *branches: Callable[[], Awaitable[T]]) -> list[T]:
        """Run branches side by side; their results in the order given.

        Each branch may have several steps, and two branches may use the same step ids. When one
        fails the others are interrupted, and its error is raised.
        """
        prefix = self._next_group()
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(_in_branch(f"{prefix}{number}/", branch))
                    for number, branch in enumerate(branches)
                ]
        except BaseExceptionGroup as errors:
            first = errors.exceptions[0]
            raise first from first.__cause__
        return [task.result() for task in tasks]

    async def race(self, step_id: str, *branches: Callable[[], Awaitable[T]]) -> T:
        """Run branches side by side; the first to end wins, and the others are interrupted.

        Which one won is remembered under `step_id`, so a replay goes the same way.
        """
        name = self._name(step_id)
        prefix = self._next_group()
        if name in self._history.recorded:
            number: int = await self._durable(name, _no_winner)
            return await _in_branch(f"{prefix}{number}/", branches[number])
        tasks: list[asyncio.Task[None]] = []
        ended: list[tuple[int, asyncio.Future[T]]] = []

        async def run(number: int, branch: Callable[[], Awaitable[T]]) -> None:
            outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()
            try:
                outcome.set_result(await _in_branch(f"{prefix}{number}/", branch))
            except Exception as error:  # noqa: BLE001 - a branch that fails first has won, too
                outcome.set_exception(error)
            ended.append((number, outcome))
            for task in tasks:
                task.cancel()

        async with asyncio.TaskGroup() as group:
            tasks += [group.create_task(run(*each)) for each in enumerate(branches)]
        number, outcome = ended[0]

        async def winner() -> int:
            return number

        await self._durable(name, winner, kind="race", acts=False)
        return outcome.result()

    def _next_group(self) -> str:
        """A prefix for the branches of one call of `parallel` or `race`: the same in a replay."""
        branch = current_branch()
        self._groups[branch] += 1
        return f"{branch}{self._groups[branch]}."

    def rewind(self) -> None:
        """The body starts over: ids count from the beginning again."""
        super().rewind()
        self._groups.clear()


async def _no_winner() -> int:
    raise AssertionError("a recorded race is not run again")


async def _in_branch(prefix: str, branch: Callable[[], Awaitable[T]]) -> T:
    token, task = enter_branch(prefix), asyncio.current_task()
    try:
        return await branch()
    except Exception:
        raise
    except BaseException as error:  # here, since the branch's own task would end the loop with it
        raise failure_of(error, task) from error
    finally:
        leave_branch(token)
