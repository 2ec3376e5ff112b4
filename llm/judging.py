"""Which error of the port a provider's fault becomes, and the words for it."""

import math
from dataclasses import dataclass

from core.errors import Refused, Transient
from llm.faults import (
    BudgetSpent,
    ModelRefused,
    ModelUnauthorized,
    ModelUnavailable,
    ModelUnknown,
    PromptTooLong,
    StreamBroken,
)

_QUOTED_CHARS = 300  # of a provider's own text: enough to name the field, too little for a payload

_KEY_WORDS = frozenset({"authentication_error", "permission_error", "invalid_api_key"})
_BUDGET_WORDS = frozenset({"billing_error", "insufficient_quota", "credit_balance_too_low"})
_UNKNOWN_WORDS = frozenset({"not_found_error", "model_not_found"})
_TOO_LONG_WORDS = frozenset({"context_length_exceeded"})
_REFUSED_WORDS = frozenset({"invalid_request_error", "request_too_large", "invalid_value"})
_TOO_LONG_TEXTS = ("prompt is too long", "maximum context length", "exceeds the context window")
_BUDGET_TEXTS = ("credit balance is too low", "exceeded your current quota")

_PASSING = frozenset({408, 409, 425, 429})
_SERVER = 500
_KEY = (401, 403)
_PAYMENT = 402
_NOT_FOUND = 404
_RATE = 429
_OVERLOADED = (503, 529)


@dataclass(frozen=True)
class Fault:
    """What a provider said went wrong.

    `status` is None where there is no HTTP status that means it: a fault in the middle of a
    stream, or of the network. `words` are the machine-readable types and codes, `text` the
    provider's sentence.
    """

    status: int | None = None
    words: frozenset[str] = frozenset()
    text: str = ""
    retry_after_s: float | None = None


def raised_by(fault: Fault, *, model: str, yielded: bool) -> Refused | Transient:
    """The error to raise; `yielded` says whether some of the answer is already with the caller."""
    refused = _refusal(fault, model)
    if refused is not None:
        return refused
    if yielded:
        return StreamBroken(f"the answer of {model} stopped in the middle: {_why(fault)}")
    return ModelUnavailable(
        f"{model} cannot answer now: {_why(fault)}", retry_after_s=fault.retry_after_s
    )


def _refusal(fault: Fault, model: str) -> ModelRefused | None:
    text = fault.text.lower()
    status, words = fault.status, fault.words
    if status == _PAYMENT or words & _BUDGET_WORDS or any(part in text for part in _BUDGET_TEXTS):
        return BudgetSpent(f"the account for {model} has no credit left or has reached its limit")
    if status in _KEY or words & _KEY_WORDS:
        return ModelUnauthorized(f"the provider of {model} does not accept the API key")
    if words & _TOO_LONG_WORDS or any(part in text for part in _TOO_LONG_TEXTS):
        return PromptTooLong(f"the conversation no longer fits the context window of {model}")
    if status == _NOT_FOUND or words & _UNKNOWN_WORDS:
        return ModelUnknown(f"the provider has no model {model} for this key")
    is_client_fault = status is not None and status < _SERVER and status not in _PASSING
    if is_client_fault or (status is None and words & _REFUSED_WORDS):
        return ModelRefused(f"{model} rejects the request: {_quoted(fault.text)}")
    return None


def _why(fault: Fault) -> str:
    if fault.status == _RATE or "rate_limit_error" in fault.words:
        return "too many requests (rate limit)"
    if fault.status in _OVERLOADED or "overloaded_error" in fault.words:
        return "it is overloaded"
    if fault.status is not None:
        return f"the provider answered with HTTP status {fault.status}"
    return _quoted(fault.text) or "the connection failed"


def _quoted(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _QUOTED_CHARS else line[:_QUOTED_CHARS] + "…"


def retry_after_s(value: str | None) -> float | None:
    """Seconds from a `retry-after` header; None where it is absent, or a date."""
    try:
        seconds = float(value) if value is not None else None
    except ValueError:
        return None
    return seconds if seconds is not None and 0 <= seconds < math.inf else None
