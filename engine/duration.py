"""Durations as people write them: "30s", "5m", "2h", "1d", "1w", seconds, or a timedelta."""

import math
import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

Duration = float | str | timedelta

_UNIT_S = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])", re.ASCII)


def seconds_of(duration: Duration) -> float:
    """Seconds in a duration; texts may hold several parts, as in "1h30m".

    Raises:
        ValueError: it is not a duration, negative, or without an end.
    """
    if isinstance(duration, timedelta):
        seconds = duration.total_seconds()
    elif isinstance(duration, str):
        text = duration.replace(" ", "")
        if not text or _PART.sub("", text):
            raise ValueError(f'{duration!r} is not a duration; write "30s", "5m", "1h30m" or "1d"')
        seconds = sum(float(number) * _UNIT_S[unit] for number, unit in _PART.findall(text))
    elif isinstance(duration, bool) or not isinstance(duration, (int, float)):  # pyright: ignore[reportUnnecessaryIsInstance] - users may
        raise ValueError(  # noqa: TRY004 - to be told like every other duration that is wrong
            f'{duration!r} is not a duration; write seconds, a timedelta, "30s", "5m" or "1d"'
        )
    else:
        seconds = float(duration)
    if seconds < 0:
        raise ValueError(f"a duration cannot be negative: {duration!r}")
    if not math.isfinite(seconds):
        raise ValueError(f"a duration has an end: {duration!r}")
    return seconds


def retry_time(after: float | str | timedelta | datetime) -> float | datetime:
    """When to try again: seconds from now, never negative, or an aware datetime.

    Texts are durations, numbers (seconds, as in a `Retry-After` header), HTTP dates (RFC 9110, the
    obsolete forms included) or ISO 8601 with a zone.

    Raises:
        ValueError: it is none of these, or a time without a zone.
    """
    if isinstance(after, str):
        after = _read_time(after.strip())
    if isinstance(after, datetime):
        if after.tzinfo is None:
            raise ValueError(f"{after!r} has no time zone; write datetime.now(UTC) + …")
        return after
    seconds = after.total_seconds() if isinstance(after, timedelta) else float(after)
    if not math.isfinite(seconds):
        raise ValueError(f"{after!r} is no time to try again after")
    return max(0.0, seconds)


def _read_time(text: str) -> float | datetime:
    for read in (float, _signed, _http_date, datetime.fromisoformat):
        try:
            return read(text)
        except ValueError:
            continue
    raise ValueError(
        f'{text!r} is no time to try again after; write "30s", seconds, an HTTP date or ISO 8601'
    )


def _signed(text: str) -> float:
    return 0.0 * seconds_of(text[1:]) if text.startswith("-") else seconds_of(text)


def _http_date(text: str) -> datetime:
    found = parsedate_to_datetime(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)  # HTTP dates are in GMT, always


def check_between(what: str, duration: Duration, least: Duration, most: Duration) -> None:
    """Whether a duration is in a range, its ends included.

    Raises:
        ValueError: it is not, or it is no duration; `what` says which one.
    """
    try:
        seconds = seconds_of(duration)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{what}: {error}") from error
    if not seconds_of(least) <= seconds <= seconds_of(most):
        raise ValueError(f"{what} is {least} to {most}, not {duration!r}")
