"""Circuits: a model that is down is not asked again for a while, then by one request at a time."""

import logging
from dataclasses import dataclass, field

from core.backoff import Backoff
from core.clock import Clock, SystemClock
from llm.faults import ModelRefused, ModelUnavailable, RateLimited, StreamBroken

log = logging.getLogger(__name__)

Failure = ModelUnavailable | ModelRefused | StreamBroken

FIRST_S = 15.0  # most overloads are over by then
LONGEST_S = 300.0
BREAKS = 2  # answers that broke off one after the other before the model counts as down
PROBE_S = 120.0  # a request that looks whether the model is back holds others off no longer

_BACKOFF = Backoff(first_s=FIRST_S, longest_s=LONGEST_S)


@dataclass
class Circuit:
    """Whether one model may be asked: closed, open until a time, or half open with one request."""

    model: str
    clock: Clock
    _open_until: float | None = None
    _probe_until: float = 0.0
    _streak: int = 0  # failures that opened it since the last whole answer
    _breaks: int = 0
    _failure: Failure | None = None
    _is_told: bool = False

    @property
    def failure(self) -> Failure | None:
        """Why it is open."""
        return self._failure

    @property
    def left_s(self) -> float:
        """Seconds until it may be asked again; 0 where it may be now."""
        return max(0.0, (self._open_until or 0.0) - self.clock.monotonic())

    @property
    def is_forbidden(self) -> bool:
        """Whether the provider itself named the time until which it is open."""
        return self._is_told and self.left_s > 0

    @property
    def admits(self) -> bool:
        """Whether it may be asked now: it is closed, or half open and nobody else is looking."""
        if self._open_until is None:
            return True
        return self.left_s == 0 and self.clock.monotonic() >= self._probe_until

    def asking(self) -> None:
        """A request begins; while it is half open this is the one that looks."""
        if self._open_until is not None:
            self._probe_until = self.clock.monotonic() + PROBE_S

    def done(self) -> None:
        """The request is over, or given up."""
        self._probe_until = 0.0

    def answers(self) -> None:
        """Something of an answer came: it can be reached."""
        self._open_until = None
        self._is_told = False
        self._failure = None

    def answered(self) -> None:
        """A whole answer came, or a request was refused for its own fault."""
        self.answers()
        self._streak = self._breaks = 0

    def failed(self, failure: Failure) -> None:
        """Open for longer each time, and at least as long as the provider asks for."""
        if isinstance(failure, StreamBroken):
            self._breaks += 1
            if self._breaks < BREAKS:
                return
        asked_s = None if isinstance(failure, ModelRefused) else failure.retry_after_s
        open_s = _BACKOFF.whole_s(self._streak + 1)
        if isinstance(failure, RateLimited) and asked_s is not None:
            open_s = min(LONGEST_S, asked_s)  # it is not down, and will answer then
        else:
            self._streak += 1
            open_s = max(open_s, min(LONGEST_S, asked_s or 0.0))
        self._failure = failure
        self._is_told = asked_s is not None
        self._open_until = self.clock.monotonic() + open_s
        log.warning("model_down", extra={"model": self.model, "for_s": round(self.left_s, 1)})


@dataclass
class Circuits:
    """One circuit for each provider and model of the process."""

    clock: Clock = field(default_factory=SystemClock)
    _by_model: dict[str, Circuit] = field(default_factory=dict[str, Circuit])

    def of(self, model: str) -> Circuit:
        """The circuit of a `provider/model`; there are as many as models are configured."""
        return self._by_model.setdefault(model, Circuit(model, self.clock))
