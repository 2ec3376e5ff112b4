"""Whether a run goes round in circles: the same calls with the same results, again and again."""

from collections.abc import Sequence

TIMES = 3
"""How often something must repeat. Not 2: a model may well look twice."""

_PERIODS = (1, 2)  # A A A, and A B A B A B


def is_repeating(signatures: Sequence[str]) -> bool:
    """Whether the latest calls are one call, or one pair of calls, three times in a row.

    A signature stands for name, arguments and result: a call whose result changes is no repetition.
    """
    return any(_repeats(signatures, period) for period in _PERIODS)


def _repeats(signatures: Sequence[str], period: int) -> bool:
    length = period * TIMES
    if len(signatures) < length:
        return False
    latest = signatures[-length:]
    return all(latest[at] == latest[at % period] for at in range(length))
