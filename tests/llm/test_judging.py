"""Which fault of a provider becomes which error, and what its text says."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

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
from llm.judging import Fault, fault_of_response, raised_by

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def fault(status: int | None, *words: str, text: str = "") -> Fault:
    return Fault(status=status, words=frozenset(words), text=text)


def raised(said: Fault, *, yielded: bool = False) -> Exception:
    return raised_by(said, model="p/m", yielded=yielded, now=NOW)


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (fault(429, "insufficient_quota"), BudgetSpent),
        (fault(400, text="Your credit balance is too low to access the API."), BudgetSpent),
        (fault(402), BudgetSpent),
        (fault(401), ModelUnauthorized),
        (fault(403), ModelUnauthorized),
        (fault(400, text="API key not valid. Please pass a valid API key."), ModelUnauthorized),
        (fault(404, "not_found_error", text="model: claude-9"), ModelUnknown),
        (fault(404, text="The model `x` does not exist"), ModelUnknown),
        (fault(404, text="No endpoints found for x/y."), ModelUnknown),
        (fault(400, "model_not_found"), ModelUnknown),
        (fault(400, text="x/y is not a valid model ID"), ModelUnknown),
        (fault(404), Misconfigured),
        (fault(404, "not_found_error", text="Not Found"), Misconfigured),
        (fault(404, text="Invalid URL (POST /v1/v1/chat/completions)"), Misconfigured),
        (fault(405, text="Method Not Allowed"), Misconfigured),
        (Fault(status=200, kind="foreign"), Misconfigured),
        (Fault(status=403, kind="foreign"), Misconfigured),
        (Fault(text="it does not speak TLS", kind="foreign"), Misconfigured),
        (fault(400, "context_length_exceeded"), PromptTooLong),
        (fault(413), PromptTooLong),
        (fault(400), ModelRefused),
        (fault(429, "rate_limit_error"), RateLimited),
        (fault(429), RateLimited),
        (fault(429, "queue_exceeded"), Overloaded),
        (fault(529, "overloaded_error"), Overloaded),
        (fault(503), Overloaded),
        (fault(None, "overloaded_error"), Overloaded),
        (fault(None, "rate_limit_exceeded"), RateLimited),
        (fault(500), ModelUnavailable),
        (Fault(status=502, kind="foreign"), ModelUnavailable),
        (Fault(text="reset by peer", kind="network"), Unreachable),
        (fault(None, "invalid_request_error"), ModelRefused),
        (fault(None, "authentication_error"), ModelUnauthorized),
    ],
)
def test_each_fault_has_its_error(said: Fault, error: type[Exception]) -> None:
    assert type(raised(said)) is error


def test_each_cause_has_a_code_of_its_own() -> None:
    causes: tuple[Any, ...] = (
        BudgetSpent, Misconfigured, ModelRefused, ModelUnauthorized, ModelUnavailable,
        ModelUnknown, Overloaded, PromptTooLong, RateLimited, StreamBroken, Unreachable,
    )  # fmt: skip
    assert len({cause.code for cause in causes}) == len(causes)


@pytest.mark.parametrize("said", [fault(None, "overloaded_error"), fault(None), fault(500)])
def test_what_may_pass_breaks_an_answer_that_has_begun(said: Fault) -> None:
    assert type(raised(said, yielded=True)) is StreamBroken


def test_a_refusal_stays_one_after_the_answer_has_begun() -> None:
    assert type(raised(fault(None, "authentication_error"), yielded=True)) is ModelUnauthorized


def test_a_rate_limit_says_when_to_ask_again() -> None:
    error = raised(Fault(status=429, retry_after_s=90))
    assert isinstance(error, RateLimited)
    assert (error.retry_after_s, error.retry_at) == (90, NOW + timedelta(seconds=90))


def test_a_rate_limit_without_a_time_is_over_in_a_minute() -> None:
    error = raised(fault(429))
    assert isinstance(error, RateLimited)
    assert (error.retry_after_s, error.retry_at) == (None, NOW + timedelta(minutes=1))


def test_an_overload_that_names_a_time_keeps_it() -> None:
    error = raised(Fault(status=529, retry_after_s=5))
    assert isinstance(error, Overloaded)
    assert error.retry_at == NOW + timedelta(seconds=5)


SHAPES: list[tuple[object, set[str], str]] = [
        ({"error": {"message": "m", "type": "T", "code": "C"}}, {"t", "c"}, "m"),
        ({"message": "m", "type": "T", "code": 400}, {"t", "400"}, "m"),
        ({"error": "m"}, set(), "m"),
        ({"detail": "m"}, set(), "m"),
        ([{"error": {"message": "m", "status": "INVALID_ARGUMENT"}}], {"invalid_argument"}, "m"),
        ({"error": {"message": "m", "details": [{"reason": "API_KEY_INVALID"}]}},
         {"api_key_invalid"}, "m"),
        ({"error": {"message": None, "code": None, "type": None}}, set(), ""),
        ({"error": None}, set(), ""),
        (None, set(), ""),
        ([], set(), ""),
        ("plain words", set(), "plain words"),
    ]  # fmt: skip


@pytest.mark.parametrize(("body", "words", "text"), SHAPES)
def test_each_shape_of_an_error_is_read(body: object, words: set[str], text: str) -> None:
    said = fault_of_response(status=400, headers={}, body=body, now=NOW)
    assert (said.status, said.words, said.text) == (400, words, text)


def test_a_web_page_is_no_provider() -> None:
    page = "<!DOCTYPE html><html><body>Welcome</body></html>"
    said = fault_of_response(status=404, headers={}, body=page, now=NOW)
    error = raised(said)
    assert type(error) is Misconfigured
    assert "check the base URL" in str(error)


def test_google_calls_a_rate_limit_a_quota() -> None:
    body = {
        "error": {
            "code": 429,
            "message": "You exceeded your current quota, please check your plan and billing.",
            "status": "RESOURCE_EXHAUSTED",
            "details": [
                {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"}
            ],
        }
    }
    error = raised(fault_of_response(status=429, headers={}, body=[body], now=NOW))
    assert isinstance(error, RateLimited)
    assert error.retry_after_s == 34.5
