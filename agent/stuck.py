"""Whether a run goes round in circles: it repeats itself, meets one error, or gets nothing run."""

from collections.abc import Sequence
from dataclasses import dataclass

TURNS = 3
"""Over how many turns something must go on. Not 2: a model may well look twice."""

ERROR_TURNS = 4
"""The same for an error that comes back for other arguments: a model may try a few names."""

_PERIODS = (1, 2, 3)  # A A A, A B A B, A B C A B C
_TIMES = {1: 3}  # how often a pattern must have been seen; two times where nothing is said


@dataclass(frozen=True)
class Tried:
    """How the calls of one turn came out, in their order; calls that were not run are not in it.

    A signature stands for name, arguments and result: a call whose result changes is no repetition.
    A failure is "" for a call that succeeded, and equal for the same error of the same tool
    whatever the arguments. `was_lost`: there were calls, and none could be run.
    """

    signatures: tuple[str, ...]
    failures: tuple[str, ...]
    was_lost: bool = False


def is_stuck(turns: Sequence[Tried]) -> bool:
    """Whether the latest turns get the run nowhere.

    Turns count, not calls: what a model calls in one turn it has called before it saw a result.
    """
    return _repeats(turns) or _keeps_failing(turns) or _keeps_losing(turns)


def _repeats(turns: Sequence[Tried]) -> bool:
    if not turns or not turns[-1].signatures:
        return False
    calls = [(at, name) for at, turn in enumerate(turns) for name in turn.signatures]
    periods = {*_PERIODS, len(turns[-1].signatures)}
    return any(_repeats_every(period, calls) for period in periods)


def _repeats_every(period: int, calls: Sequence[tuple[int, str]]) -> bool:
    start = len(calls) - period
    while start > 0 and calls[start - 1][1] == calls[start - 1 + period][1]:
        start -= 1
    repeated = calls[max(start, 0) :]
    spanned = len({at for at, _ in repeated})
    return len(repeated) >= period * _TIMES.get(period, 2) and spanned >= TURNS


def _keeps_failing(turns: Sequence[Tried]) -> bool:
    latest = turns[-ERROR_TURNS:]
    failures = {failure for turn in latest for failure in turn.failures}
    return (
        len(latest) == ERROR_TURNS
        and all(turn.failures for turn in latest)
        and len(failures) == 1
        and "" not in failures
    )


def _keeps_losing(turns: Sequence[Tried]) -> bool:
    latest = turns[-TURNS:]
    return len(latest) == TURNS and all(turn.was_lost for turn in latest)
