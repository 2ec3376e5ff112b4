"""A preference list of models: the next one answers when the one before it cannot."""

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from llm.faults import BudgetSpent, ModelRefused, ModelUnauthorized, ModelUnavailable, ModelUnknown
from llm.model import Model, ModelEvent, ModelRequest

log = logging.getLogger(__name__)

_NEXT_MAY_ANSWER = (ModelUnavailable, ModelUnauthorized, BudgetSpent, ModelUnknown)


class FallbackModel:
    """Asks the models in order of preference, each turn from the first on.

    The next one is asked only while nothing of the answer was yielded: half an answer of one model
    is never continued by another. A request that a model rejects as invalid is not passed on, for
    it is our fault. `Turn.model` says which one answered; each change is logged.
    """

    def __init__(self, models: Sequence[Model]) -> None:
        if not models:
            raise ValueError("a preference list needs at least one model")
        self._models = tuple(models)

    @property
    def preferred(self) -> Model:
        """The one that is asked first."""
        return self._models[0]

    @property
    def name(self) -> str:
        """The names of all, in order."""
        return " > ".join(model.name for model in self._models)

    @property
    def context_window(self) -> int:
        """Of the model that is asked first; a smaller one says that a request is too long."""
        return self._models[0].context_window

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """See `Model.stream`; raises why the first refused where none might answer later."""
        failures: list[ModelUnavailable | ModelRefused] = []
        for model in self._models:
            try:
                async with aclosing(model.stream(request)) as events:
                    async for event in events:
                        yield event
            except _NEXT_MAY_ANSWER as error:
                failures.append(error)
                log.warning("model_fallback", extra={"model": model.name, "why": str(error)})
            else:
                return
        raise _all_failed(failures)


def _all_failed(
    failures: Sequence[ModelUnavailable | ModelRefused],
) -> ModelUnavailable | ModelRefused:
    if len(failures) == 1:
        return failures[0]
    passing = [error for error in failures if isinstance(error, ModelUnavailable)]
    if not passing:
        return failures[0]
    waits = [error.retry_after_s for error in passing if error.retry_after_s is not None]
    return ModelUnavailable(
        f"no model can answer now: {'; '.join(map(str, failures))}",
        retry_after_s=min(waits, default=None),
    )
