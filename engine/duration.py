"""Durations as people write them: "30s", "5m", "2h", "1d", "1w", seconds, or a timedelta."""

import re
from datetime import timedelta

Duration = float | str | timedelta

_UNIT_S = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")


def seconds_of(duration: Duration) -> float:
    """Seconds in a duration; texts may hold several parts, as in "1h30m".

    Raises:
        ValueError: the text is not a duration, or it is negative.
    """
    if isinstance(duration, timedelta):
        seconds = duration.total_seconds()
    elif isinstance(duration, str):
        text = duration.replace(" ", "")
        if not text or _PART.sub("", text):
            raise ValueError(f'{duration!r} is not a duration; write "30s", "5m", "1h30m" or "1d"')
        seconds = sum(float(number) * _UNIT_S[unit] for number, unit in _PART.findall(text))
    else:
        seconds = float(duration)
    if seconds < 0:
        raise ValueError(f"a duration cannot be negative: {duration!r}")
    return seconds
