"""When a provider allows to be asked again, from its headers and its error.

`retry-after` wins where it is sent, then a header that only this provider has (`wait_headers` in
`llm/providers.py`); else the quotas that are used up say when they are full again.
Sources: RFC 9110 10.2.3; the rate limit pages of Anthropic, OpenAI, Groq, Cerebras, OpenRouter,
Azure (`retry-after-ms`) and Gemini (`RetryInfo` in the body).
"""

import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from llm.odd import object_in, objects_in

LONGEST_S = timedelta(days=30).total_seconds()  # quotas are counted in months at the longest

_QUOTA = re.compile(r"(?:anthropic-|x-)?ratelimit-(?:(.+)-)?(remaining|reset)(?:-(.+))?")
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:([\d.]+)s)?(?:([\d.]+)ms)?")
_UNITS_S = (86_400.0, 3_600.0, 60.0, 1.0, 0.001)
_EPOCH_S = 1_000_000_000  # as seconds from now this would be in 30 years: it is a point in time
_EPOCH_MS = 1_000_000_000_000


def retry_after_s(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Seconds from a `retry-after-ms` or `retry-after` header (seconds or HTTP date), if any.

    A date that has passed is 0, a wait of more than 30 days is 30 days.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return _bounded(milliseconds / 1000)
    value = headers.get("retry-after")
    if value is None:
        return None
    seconds = _number(value)
    if seconds is not None:
        return _bounded(seconds)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return _until(at, now)


def own_wait_s(headers: Mapping[str, str], names: Iterable[str], *, now: datetime) -> float | None:
    """Seconds from the first of the named headers that can be read: seconds, duration or time."""
    waits = (_reset_s(value, now) for name in names if (value := headers.get(name)) is not None)
    return next((wait_s for wait_s in waits if wait_s is not None), None)


def quota_reset_s(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """Seconds until the quotas that are used up are full again; None where none is named.

    Where none is at zero, one of them was too small for the request: the first to be full again
    is waited for.
    """
    left: dict[str, float] = {}
    resets: dict[str, float] = {}
    for name, value in headers.items():
        if found := _QUOTA.fullmatch(name.lower()):
            quota = found[1] or found[3] or ""
            if found[2] == "remaining":
                amount = _number(value)
                if amount is not None:
                    left[quota] = amount
            elif (wait_s := _reset_s(value, now)) is not None:
                resets[quota] = wait_s
    spent = [wait_s for quota, wait_s in resets.items() if left.get(quota, 1.0) <= 0]
    return max(spent) if spent else min(resets.values(), default=None)


def wait_in_error_s(error: object, *, now: datetime) -> float | None:
    """Seconds that an error object itself names: Google's `RetryInfo`, OpenRouter's headers."""
    said = object_in(error)
    for detail in objects_in(said.get("details")):
        delay = detail.get("retryDelay")
        if isinstance(delay, str) and (wait_s := _duration_s(delay)) is not None:
            return _bounded(wait_s)
    headers = object_in(object_in(said.get("metadata")).get("headers"))
    texts = {str(name).lower(): str(value) for name, value in headers.items()}
    told_s = retry_after_s(texts, now=now)
    return quota_reset_s(texts, now=now) if told_s is None else told_s


def _reset_s(value: str, now: datetime) -> float | None:
    seconds = _number(value)
    if seconds is not None:
        if seconds >= _EPOCH_MS:
            return _bounded(seconds / 1000 - now.timestamp())
        if seconds >= _EPOCH_S:
            return _bounded(seconds - now.timestamp())
        return _bounded(seconds)
    duration_s = _duration_s(value)
    if duration_s is not None:
        return _bounded(duration_s)
    try:
        at = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return _until(at, now)


def _duration_s(value: str) -> float | None:
    found = _DURATION.fullmatch(value.strip().lower())
    if found is None or not any(found.groups()):
        return None
    numbers = [_number(group or "0") for group in found.groups()]
    if None in numbers:
        return None
    return sum(
        number * unit_s
        for number, unit_s in zip(numbers, _UNITS_S, strict=True)
        if number is not None
    )


def _until(at: datetime, now: datetime) -> float | None:
    aware = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    try:
        return _bounded((aware - now).total_seconds())
    except OverflowError:
        return None


def _number(value: str | None) -> float | None:
    try:
        number = float(value) if value is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), LONGEST_S)
