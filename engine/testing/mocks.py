"""Mocks of steps: what stands for a step of the job under test."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from core.ids import RunId
from engine.current import StepInfo
from engine.steps.naming import StepNames

NO_MOCK = object()


class _StepOf(NamedTuple):
    run_id: RunId
    name: str


class Mocks:
    """The mocks of a test, by the full names of steps, or by the ids that the job wrote."""

    def __init__(self, by_id: Mapping[str, object]) -> None:
        self._by_id = by_id
        self._run_ids: set[RunId] = set()
        self._written: dict[_StepOf, str] = {}
        self._children: dict[str, _StepOf] = {}

    def are_for(self, run_id: RunId) -> None:
        """They stand for steps of this run; children run as they are."""
        self._run_ids.add(run_id)

    def note(self, run_id: RunId, name: str, step_id: str) -> None:
        """A step got this name; `step_id` is what the job wrote."""
        step = _StepOf(run_id, name)
        self._written[step] = step_id
        self._children[f"{run_id}:{name}"] = step

    def of(self, run_id: RunId, name: str) -> object:
        """What stands for a step, or `NO_MOCK`."""
        if run_id not in self._run_ids:
            return NO_MOCK
        if name in self._by_id:
            return self._by_id[name]
        return self._by_id.get(self._written[_StepOf(run_id, name)], NO_MOCK)

    def of_child(self, child: str) -> tuple[object, StepInfo]:
        """What stands for the step that invokes this run, and which one that is."""
        run_id, name = self._children[child]
        return self.of(run_id, name), StepInfo(run_id, name, 0)


class NotedNames:
    """The names of a run's steps, each noted with the id that the job wrote."""

    def __init__(self, names: StepNames, note: Callable[[str, str], None]) -> None:
        self._names = names
        self._note = note

    def next(self, step_id: str, branch: str) -> str:
        """As `StepNames.next`."""
        name = self._names.next(step_id, branch)
        self._note(name, step_id)
        return name

    def clear(self) -> None:
        """As `StepNames.clear`."""
        self._names.clear()


async def played(mock: object, step: StepInfo) -> Any:
    """A mock's value: an exception is raised, a function is called with the step."""
    value: Any = mock(step) if callable(mock) else mock
    if inspect.isawaitable(value):
        value = await value
    if isinstance(value, BaseException):
        raise value
    return value
