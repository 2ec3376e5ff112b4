"""A preference list of models: the next one answers when the one before it cannot."""

import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from datetime import datetime

from core.clock import Clock, SystemClock
from llm.circuit import Circuit, Circuits
from llm.closing import free
from llm.faults import (
    BudgetSpent,
    Misconfigured,
    ModelRefused,
    ModelUnauthorized,
    ModelUnavailable,
    ModelUnknown,
    RateLimited,
    StreamBroken,
)
from llm.model import Model, ModelEvent, ModelRequest
from llm.retry import Patience, retrying

log = logging.getLogger(__name__)

_NEXT_MAY_ANSWER = (ModelUnavailable, ModelUnauthorized, BudgetSpent, ModelUnknown, Misconfigured)


def preferring(
    makers: Sequence[Callable[[Patience], Model]],
    patience: Patience,
    *,
    first_byte_s: float,
    clock: Clock | None = None,
) -> Model:
    """A model that stands for the list; `makers` build its models with the patience they may have.

    A lone model has all of it. In a list nobody waits long for a model that others can stand in
    for: `first_byte_s` for its first byte, except for the last; the list as a whole is patient.
    """
    if len(makers) == 1:
        return makers[0](patience)
    *before, last = makers
    models = [make(patience.hasty(first_byte_s=first_byte_s)) for make in before]
    models.append(last(patience.hasty(first_byte_s=None)))
    return FallbackModel(models, patience=patience, clock=clock)


class FallbackModel:
    """Asks the models in order of preference, each turn from the first on that is not down.

    The next one is asked only while nothing of the answer was yielded: half an answer of one model
    is never continued by another. A request that a model rejects as invalid is not passed on, for
    it is our fault. `Turn.model` says which one answered; each change is logged. When none of them
    answers, the whole list is tried again as `patience` allows.
    """

    def __init__(
        self,
        models: Sequence[Model],
        *,
        patience: Patience | None = None,
        clock: Clock | None = None,
    ) -> None:
        if not models:
            raise ValueError("a preference list needs at least one model")
        self._models = tuple(models)
        self._patience = patience or Patience()
        self._clock = clock or SystemClock()
        self._circuits = Circuits(self._clock)

    @property
    def name(self) -> str:
        """The names of all, in order."""
        return " > ".join(model.name for model in self._models)

    @property
    def preferred(self) -> Model:
        """The one that is asked first."""
        return self._models[0]

    @property
    def context_window(self) -> int:
        """Of the model that is asked first; a smaller one says that a request is too long."""
        return self._models[0].context_window

    async def aclose(self) -> None:
        """Free the connections of all."""
        await free(*self._models)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """See `Model.stream`; raises why the first refused where none might answer later."""
        events = retrying(lambda: self._round(request), self._patience, model=self.name)
        async with aclosing(events):
            async for event in events:
                yield event

    async def _round(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """Ask each model that may be asked once."""
        failures: list[ModelUnavailable | ModelRefused] = []
        asked = self._asked()
        for model in self._models:
            circuit = self._circuits.of(model.name)
            if model not in asked:
                if isinstance(circuit.failure, ModelUnavailable | ModelRefused):
                    failures.append(circuit.failure)
                continue
            try:
                async with aclosing(_watched(model, circuit, request)) as events:
                    async for event in events:
                        yield event
            except _NEXT_MAY_ANSWER as error:
                failures.append(error)
                log.warning("model_fallback", extra={"model": model.name, "why": str(error)})
            else:
                return
        raise _all_failed(failures, now=self._clock.now())

    def _asked(self) -> list[Model]:
        """Those that may be asked; where all are down, those that the provider does not forbid."""
        circuits = [(model, self._circuits.of(model.name)) for model in self._models]
        up = [model for model, circuit in circuits if circuit.admits]
        return up or [model for model, circuit in circuits if not circuit.is_forbidden]


async def _watched(
    model: Model, circuit: Circuit, request: ModelRequest
) -> AsyncGenerator[ModelEvent, None]:
    """The model's events; its circuit learns how it went."""
    circuit.asking()
    try:
        async with aclosing(model.stream(request)) as events:
            async for event in events:
                circuit.answers()
                yield event
        circuit.answered()
    except (*_NEXT_MAY_ANSWER, StreamBroken) as error:
        circuit.failed(error)
        raise
    except ModelRefused:  # it answers, and the request is at fault
        circuit.answered()
        raise
    finally:
        circuit.done()


def _all_failed(
    failures: Sequence[ModelUnavailable | ModelRefused], *, now: datetime
) -> ModelUnavailable | ModelRefused:
    """One error for the list: of those that may pass where there is one, else why the first failed.

    It names a time only where each of those that may pass has one: the soonest.
    """
    passing = [error for error in failures if isinstance(error, ModelUnavailable)]
    if not passing:
        return failures[0]
    text = f"no model can answer now: {'; '.join(map(str, failures))}"
    if len(failures) == 1:
        text = str(failures[0])
    times = [error.retry_at for error in passing if error.retry_at is not None]
    retry_at = min(times) if len(times) == len(passing) else None
    is_told = all(error.retry_after_s is not None for error in passing)
    retry_after_s = max(0.0, (retry_at - now).total_seconds()) if retry_at and is_told else None
    limited = [error for error in passing if isinstance(error, RateLimited)]
    if len(limited) == len(passing):
        at = min(error.retry_at for error in limited)
        return RateLimited(text, retry_at=at, retry_after_s=retry_after_s)
    cause = next(error for error in passing if error not in limited)
    return type(cause)(text, retry_after_s=retry_after_s, retry_at=retry_at)
