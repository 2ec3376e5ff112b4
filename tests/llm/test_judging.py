"""Which fault of a provider becomes which error."""

import pytest

from llm.faults import (
    BudgetSpent,
    ModelRefused,
    ModelUnauthorized,
    ModelUnavailable,
    ModelUnknown,
    PromptTooLong,
    StreamBroken,
)
from llm.judging import Fault, raised_by, retry_after_s


def fault(status: int | None, *words: str, text: str = "") -> Fault:
    return Fault(status=status, words=frozenset(words), text=text)


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (fault(429, "insufficient_quota"), BudgetSpent),
        (fault(400, text="Your credit balance is too low to access the API."), BudgetSpent),
        (fault(402), BudgetSpent),
        (fault(401), ModelUnauthorized),
        (fault(403), ModelUnauthorized),
        (fault(404), ModelUnknown),
        (fault(400, "model_not_found"), ModelUnknown),
        (fault(400, "context_length_exceeded"), PromptTooLong),
        (fault(400, text="prompt is too long: 210000 tokens > 200000 maximum"), PromptTooLong),
        (fault(413, "request_too_large"), ModelRefused),
        (fault(400), ModelRefused),
        (fault(429, "rate_limit_error"), ModelUnavailable),
        (fault(529, "overloaded_error"), ModelUnavailable),
        (fault(503), ModelUnavailable),
        (fault(None, "overloaded_error"), ModelUnavailable),
        (fault(None, text="reset by peer"), ModelUnavailable),
        (fault(None, "invalid_request_error"), ModelRefused),
        (fault(None, "authentication_error"), ModelUnauthorized),
    ],
)
def test_each_fault_has_its_error(said: Fault, error: type[Exception]) -> None:
    assert type(raised_by(said, model="p/m", yielded=False)) is error


@pytest.mark.parametrize("said", [fault(None, "overloaded_error"), fault(None), fault(500)])
def test_what_may_pass_breaks_an_answer_that_has_begun(said: Fault) -> None:
    assert type(raised_by(said, model="p/m", yielded=True)) is StreamBroken


def test_a_refusal_stays_one_after_the_answer_has_begun() -> None:
    error = raised_by(fault(None, "authentication_error"), model="p/m", yielded=True)
    assert type(error) is ModelUnauthorized


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, None), ("7", 7), ("0.5", 0.5), ("-1", None), ("nan", None), ("inf", None),
     ("Wed, 21 Oct 2026 07:28:00 GMT", None)],
)  # fmt: skip
def test_retry_after_is_seconds_or_nothing(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header) == seconds
