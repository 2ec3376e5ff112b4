"""Which step the running code belongs to."""

from contextlib import suppress
from contextvars import ContextVar, Token
from dataclasses import dataclass

from core.ids import RunId


@dataclass(frozen=True)
class StepInfo:
    """The step attempt that is executing.

    `idempotency_key` is the same for every attempt and every replay of one step: hand it to
    services that accept one.
    """

    run_id: RunId
    step_id: str
    attempt: int

    @property
    def idempotency_key(self) -> str:
        """The run's id and the step's id."""
        return f"{self.run_id}:{self.step_id}"


_current_step: ContextVar[StepInfo | None] = ContextVar("engine_current_step", default=None)


def current_step() -> StepInfo | None:
    """The step this code runs in, or None outside steps."""
    return _current_step.get()


def enter_step(info: StepInfo) -> Token[StepInfo | None]:
    """Say which step the current task executes; for the engine."""
    return _current_step.set(info)


def leave_step(token: Token[StepInfo | None]) -> None:
    """Undo `enter_step`."""
    with suppress(ValueError):  # another context closes what its loop has left suspended
        _current_step.reset(token)
