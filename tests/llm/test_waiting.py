"""When a provider allows to be asked again."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.waiting import LONGEST_S, quota_reset_s, retry_after_s, wait_in_error_s

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-1"}, 0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "1e300"}, LONGEST_S),
        ({"retry-after": "Fri, 27 Nov 2026 12:01:30 GMT"}, 90),
        ({"retry-after": "Friday, 27-Nov-26 12:01:30 GMT"}, 90),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, LONGEST_S),
        ({"retry-after-ms": "1500"}, 1.5),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after-ms": "x", "retry-after": "2"}, 2),
    ],
)
def test_retry_after_is_read_in_each_form(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers, now=NOW) == seconds


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        # Anthropic: points in time; the one that is used up counts.
        (
            {
                "anthropic-ratelimit-requests-remaining": "49",
                "anthropic-ratelimit-requests-reset": "2026-11-27T12:00:01Z",
                "anthropic-ratelimit-input-tokens-remaining": "0",
                "anthropic-ratelimit-input-tokens-reset": "2026-11-27T12:00:42Z",
            },
            42,
        ),
        # OpenAI and Groq: durations.
        (
            {
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-requests": "6m0s",
                "x-ratelimit-remaining-tokens": "149000",
                "x-ratelimit-reset-tokens": "7.66s",
            },
            360,
        ),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "120ms"}, 0.12),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1d2h3m4.5s"}, 93784.5),
        # Cerebras: plain seconds, by day and by minute; nothing at zero: the first that is full.
        (
            {
                "x-ratelimit-remaining-tokens-minute": "500",
                "x-ratelimit-reset-tokens-minute": "11.5",
                "x-ratelimit-remaining-requests-day": "90",
                "x-ratelimit-reset-requests-day": "33011.3",
            },
            11.5,
        ),
        # OpenRouter: milliseconds since 1970.
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1795780830000"}, 30),
        ({"x-ratelimit-reset": "1795780830"}, 30),
        ({"ratelimit-reset": "12"}, 12),
        # Two used up: both have to be full again.
        (
            {
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-requests": "2s",
                "x-ratelimit-remaining-tokens": "0",
                "x-ratelimit-reset-tokens": "9s",
            },
            9,
        ),
        ({"x-ratelimit-reset-requests": "whenever"}, None),
        ({"anthropic-ratelimit-requests-reset": "2026-13-99T99:00:00Z"}, None),
    ],
)
def test_the_quota_that_is_used_up_says_when(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert quota_reset_s(headers, now=NOW) == (None if seconds is None else pytest.approx(seconds))


def test_the_times_that_the_table_uses_are_those_it_means() -> None:
    assert (NOW + timedelta(seconds=30)).timestamp() == 1795780830


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        ({"details": [{"retryDelay": "34.5s"}]}, 34.5),
        ({"details": {"retryDelay": "1m"}}, 60),
        ({"details": [{"retryDelay": 5}, None]}, None),
        ({"metadata": {"headers": {"X-RateLimit-Reset": "1795780830000"}}}, 30),
        ({"metadata": None, "details": None}, None),
        (None, None),
    ],
)  # fmt: skip
def test_an_error_may_name_the_time_itself(error: object, seconds: float | None) -> None:
    assert wait_in_error_s(error, now=NOW) == seconds


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(
            ["retry-after", "retry-after-ms", "x-ratelimit-reset-tokens", "x-ratelimit-reset",
             "x-ratelimit-remaining-tokens", "anthropic-ratelimit-tokens-reset"]
        ),
        st.text() | st.floats().map(str) | st.integers().map(str) | st.datetimes().map(str),
    )
)  # fmt: skip
def test_no_header_raises_and_each_wait_is_bounded(headers: dict[str, str]) -> None:
    for wait_s in (retry_after_s(headers, now=NOW), quota_reset_s(headers, now=NOW)):
        assert wait_s is None or 0 <= wait_s <= LONGEST_S
