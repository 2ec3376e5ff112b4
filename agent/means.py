"""Budgets: what an answer may take in tokens and money, and when its end is near."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from core.usage import Usage

NEAR = 0.8  # of a budget: the model is told, while there is enough left to come to an end

N = TypeVar("N", int, float)
Whose = Literal["answer", "conversation", "day"]


@dataclass(frozen=True)
class Budget:
    """Most that one answer, one conversation, or all answers of a person on a day may take.

    Days are UTC. None is no bound, 0 lets nothing through. What has no known price counts in tokens
    only. `used` is what was taken of it before the answer began. Of one that `asks` the person may
    give more when it is used up.
    """

    of: Whose
    tokens: int | None = None
    usd: float | None = None
    used: Usage = Usage()  # noqa: RUF009 - frozen
    asks: bool = False

    @property
    def is_bound(self) -> bool:
        """Whether there is a bound at all."""
        return self.tokens is not None or self.usd is not None

    @property
    def can_be_raised(self) -> bool:
        """Whether the person is asked for more of it: of nothing there is no more."""
        return self.asks and self.tokens != 0 and self.usd != 0

    def share(self, used: Usage) -> float:
        """How much of it is gone with what the answer has used; from 1 on, all of it."""
        whole = self.used + used
        pairs = ((whole.tokens, self.tokens), (whole.cost_usd or 0.0, self.usd))
        return max((_share(taken, most) for taken, most in pairs if most is not None), default=0.0)

    def raised(self, used: Usage, *, tokens: int | None, usd: float | None) -> "Budget":
        """With so much more beyond what is gone of it, where it has such a bound."""
        whole = self.used + used
        return replace(
            self,
            tokens=_raised(self.tokens, whole.tokens, tokens),
            usd=_raised(self.usd, whole.cost_usd or 0.0, usd),
        )


def fullest(budgets: Sequence[Budget], used: Usage) -> tuple[Budget | None, float]:
    """The budget of which the largest share is gone, and the share."""
    shares = [(budget, budget.share(used)) for budget in budgets]
    return max(shares, key=lambda pair: pair[1], default=(None, 0.0))


def _share(taken: float, most: float) -> float:
    return taken / most if most > 0 else 1.0


def _raised(most: N | None, taken: N, more: N | None) -> N | None:
    return most if most is None or more is None else max(most, taken) + more
