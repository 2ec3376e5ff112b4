"""What is wrong with data that fits no model: which field, and why, without what it held."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

_MOST = 10  # as many as somebody mends before trying again
_PREFIX = "Value error, "  # what Pydantic puts before the words of a validator


def place_of(steps: Iterable[str | int], *, whole: str = "") -> str:
    """A place in data as `rules.0.reply`; the word `whole` for the data as a whole."""
    return ".".join(map(str, steps)) or whole


def reason_of(fault: Mapping[str, Any]) -> str:
    """Why one place is wrong, as Pydantic or a validator of ours says it."""
    return str(fault["msg"]).removeprefix(_PREFIX)


def wrong_places(error: ValidationError, *, whole: str = "") -> list[str]:
    """Each place that is wrong, in the order in which the model was checked."""
    return [place_of(fault["loc"], whole=whole) for fault in _faults(error)]


def problems(error: ValidationError, *, whole: str) -> list[str]:
    """`place: reason` for each place that is wrong; `whole` names the data as a whole.

    It is for people and models alike. What was given is never repeated: it may be long or secret.
    Of more than 10 the others are counted: a list may be wrong in each of its items.
    """
    faults = _faults(error)
    told = [f"{place_of(each['loc'], whole=whole)}: {reason_of(each)}" for each in faults[:_MOST]]
    return told if len(faults) <= _MOST else [*told, f"and {len(faults) - _MOST} more"]


def problem_text(error: ValidationError, *, whole: str) -> str:
    """All of `problems` on one line."""
    return "; ".join(problems(error, whole=whole))


def _faults(error: ValidationError) -> list[Any]:
    return list(error.errors(include_url=False, include_context=False, include_input=False))
