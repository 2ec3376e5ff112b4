"""Which error of the port a provider's fault becomes, and the words for it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from core.errors import Refused, Transient
from llm.faults import (
    BudgetSpent,
    Misconfigured,
    ModelRefused,
    ModelUnauthorized,
    ModelUnavailable,
    ModelUnknown,
    Overloaded,
    PromptTooLong,
    RateLimited,
    StreamBroken,
    Unreachable,
)
from llm.odd import object_in, objects_in, text_in, word_in
from llm.scrub import quoted
from llm.too_long import TOO_LARGE, says_too_long
from llm.waiting import own_wait_s, quota_reset_s, retry_after_s, wait_in_error_s

UNTOLD_S = 60.0  # most quotas are counted a minute

_KEY_WORDS = frozenset(
    {"authentication_error", "permission_error", "invalid_api_key", "api_key_invalid"}
)
_KEY_TEXTS = ("api key not valid", "incorrect api key", "invalid api key")
_BUDGET_WORDS = frozenset({"billing_error", "insufficient_quota", "credit_balance_too_low"})
_BUDGET_TEXTS = ("credit balance is too low", "insufficient balance")
_UNKNOWN_WORDS = frozenset({"model_not_found", "invalid_model"})
_UNKNOWN_TEXTS = ("not a valid model", "model not exist", "unknown model", "no endpoints found")
_REFUSED_WORDS = frozenset({"invalid_request_error", "invalid_value", "invalid_argument"})
_RATE_WORDS = frozenset(
    {
        "rate_limit_error",
        "rate_limit_exceeded",
        "rate_limited",
        "too_many_requests",
        "too_many_requests_error",
        "throttlingexception",  # Bedrock
        "resource_exhausted",  # Google
    }
)
_OVERLOADED_WORDS = frozenset(
    {"overloaded_error", "engine_overloaded", "queue_exceeded", "slow_down", "unavailable"}
)
_OVERLOADED_TEXTS = ("overloaded", "over capacity", "experiencing high traffic")

_PASSING = frozenset({408, 409, 425, 429})
_SERVER = 500
_KEY = (401, 403)
_PAYMENT = 402
_NO_SUCH_PATH = (404, 405)
_NOT_FOUND = 404
_RATE = 429
_OVERLOADED = (503, 529)
_STATUSES = range(400, 600)


@dataclass(frozen=True)
class Fault:
    """What went wrong with a request.

    `status` is None where there is no HTTP status that means it: a fault in the middle of a
    stream, or of the network. `words` are the machine-readable types and codes in lower case,
    `text` the provider's sentence. `kind` says whether a provider said it, the network failed, or
    something else than a provider answered (a web page).
    """

    status: int | None = None
    words: frozenset[str] = frozenset()
    text: str = ""
    retry_after_s: float | None = None
    kind: Literal["said", "network", "foreign"] = "said"

    @property
    def is_rate_limit(self) -> bool:
        """Whether the account has asked too much."""
        return self.status == _RATE or bool(self.words & _RATE_WORDS)


def fault_of_response(
    *,
    status: int,
    headers: Mapping[str, str],
    body: object,
    now: datetime,
    wait_headers: Iterable[str] = (),
) -> Fault:
    """The fault that an HTTP error is; `body` is its JSON, or its text where it is none.

    `wait_headers` are those that only this provider has.
    """
    kind = "foreign" if _is_web_page(headers, body) else "said"
    fault = replace(fault_in(body, now=now), status=status, kind=kind)
    told_s = retry_after_s(headers, now=now)
    if told_s is None:
        told_s = own_wait_s(headers, wait_headers, now=now)
    if told_s is None:
        told_s = fault.retry_after_s
    if told_s is None and fault.is_rate_limit:
        told_s = quota_reset_s(headers, now=now)
    return replace(fault, retry_after_s=told_s)


def fault_in(body: object, *, now: datetime) -> Fault:
    """The fault that an error's body tells of, in any of the shapes that providers use."""
    if isinstance(body, str):
        return Fault(text=body)
    objects = objects_in(body)
    whole = objects[0] if objects else {}  # Google sends a list of one
    error = whole.get("error") or whole
    if isinstance(error, str):
        return Fault(text=error, words=_words(whole))
    said = object_in(error)
    code = said.get("code")
    return Fault(
        status=code if isinstance(code, int) and code in _STATUSES else None,
        words=_words(said, *objects_in(said.get("details"))),
        text=text_in(said.get("message")) or text_in(said.get("detail")),
        retry_after_s=wait_in_error_s(said, now=now),
    )


def raised_by(
    fault: Fault, *, model: str, yielded: bool, now: datetime, too_long: Iterable[str] = ()
) -> Refused | Transient:
    """The error to raise; `yielded` says whether some of the answer is already with the caller.

    `too_long` are the provider's own texts for a prompt that is too long.
    """
    refused = _refusal(fault, model, too_long)
    if refused is not None:
        return refused
    if yielded:
        return StreamBroken(
            f"the answer of {model} stopped in the middle: {_why(fault)}",
            retry_after_s=fault.retry_after_s,
        )
    return _unavailable(fault, model, now)


def _unavailable(fault: Fault, model: str, now: datetime) -> ModelUnavailable:
    text = f"{model} cannot answer now: {_why(fault)}"
    told_s = fault.retry_after_s
    retry_at = None if told_s is None else now + timedelta(seconds=told_s)
    if _is_overloaded(fault):
        return Overloaded(text, retry_after_s=told_s, retry_at=retry_at)
    if fault.is_rate_limit:
        retry_at = retry_at or now + timedelta(seconds=UNTOLD_S)
        return RateLimited(text, retry_after_s=told_s, retry_at=retry_at)
    if fault.kind == "network":
        return Unreachable(text, retry_after_s=told_s, retry_at=retry_at)
    return ModelUnavailable(text, retry_after_s=told_s, retry_at=retry_at)


def _refusal(fault: Fault, model: str, too_long: Iterable[str]) -> ModelRefused | None:
    """The first cause that fits, if any: the order matters where a provider's words overlap."""
    if fault.kind == "network":
        return None
    text = fault.text.lower()
    status, words = fault.status, fault.words
    is_client_fault = status is not None and status < _SERVER and status not in _PASSING
    causes: tuple[tuple[bool, type[ModelRefused], str], ...] = (
        (
            fault.kind == "foreign"
            and (status is None or is_client_fault)
            and status != TOO_LARGE,  # from a proxy in between
            Misconfigured,
            (
                f"what answers at the base URL of {model} is no model provider "
                f"({f'HTTP status {status}' if status else fault.text}); check the base URL"
            ),
        ),
        (
            status == _PAYMENT or bool(words & _BUDGET_WORDS) or _has(text, _BUDGET_TEXTS),
            BudgetSpent,
            f"the account for {model} has no credit left or has reached its limit",
        ),
        (
            status in _KEY or bool(words & _KEY_WORDS) or _has(text, _KEY_TEXTS),
            ModelUnauthorized,
            f"the provider of {model} does not accept the API key",
        ),
        (
            says_too_long(status, words, text, too_long),
            PromptTooLong,
            f"the conversation no longer fits the context window of {model}",
        ),
        (
            (status == _NOT_FOUND and "model" in text)
            or bool(words & _UNKNOWN_WORDS)
            or _has(text, _UNKNOWN_TEXTS),
            ModelUnknown,
            f"the provider has no model {model} for this key",
        ),
        (
            status in _NO_SUCH_PATH,
            Misconfigured,
            (
                f"what answers at the base URL of {model} knows no such path (HTTP {status}); "
                "check the base URL, its /v1 included"
            ),
        ),
        (
            is_client_fault or (status is None and bool(words & _REFUSED_WORDS)),
            ModelRefused,
            f"{model} rejects the request: {quoted(fault.text) or 'it gives no reason'}",
        ),
    )
    return next((error(why) for holds, error, why in causes if holds), None)


def _is_overloaded(fault: Fault) -> bool:
    if fault.status in _OVERLOADED or fault.words & _OVERLOADED_WORDS:
        return True
    return fault.kind == "said" and _has(fault.text.lower(), _OVERLOADED_TEXTS)


def _why(fault: Fault) -> str:
    if _is_overloaded(fault):
        return "it is overloaded"
    if fault.is_rate_limit:
        return "too many requests (rate limit)"
    if fault.status is not None:
        return f"the provider answered with HTTP status {fault.status}"
    return quoted(fault.text) or "the connection failed"


def _is_web_page(headers: Mapping[str, str], body: object) -> bool:
    if "text/html" in headers.get("content-type", "").lower():
        return True
    return isinstance(body, str) and body.lstrip()[:20].lower().startswith(("<!doctype", "<html"))


def _words(*objects: dict[str, object]) -> frozenset[str]:
    found = (word_in(each.get(name)) for each in objects for name in _WORD_FIELDS)
    return frozenset(word.lower() for word in found if word)


_WORD_FIELDS = ("type", "code", "status", "reason", "__type")


def _has(text: str, phrases: tuple[str, ...]) -> bool:
    return any(phrase in text for phrase in phrases)
