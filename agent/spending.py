"""What a run does about its budgets: tells the model near the end, and asks the person at it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from agent import words
from agent.durable import AskRef, Durable, RaiseRef
from agent.means import NEAR, Budget, Whose, fullest
from agent.person import RequestId
from core.usage import Usage

MOST_ASKED = 10  # times in one answer; after that a used up budget ends it


class AsksForMeans(Protocol):
    """The steps that speak with the person."""

    async def ask_for_more(self, number: int, asked: int, budget: Budget) -> AskRef:
        """Ask for more of a budget, before turn `number`; nobody asks where nobody is there."""
        ...

    async def more_means(self, request_id: RequestId) -> RaiseRef:
        """What they give, now that nobody waits any more."""
        ...


@dataclass(frozen=True)
class MeansLeft:
    """Which budget ends the answer, if one does, and what the model is told before its turn."""

    spent: Whose | None = None
    remarks: tuple[str, ...] = ()


class Spending:
    """The budgets of one run. It decides on references alone, as the loop does.

    `wait` waits, durably, for the answer to a request.
    """

    def __init__(
        self,
        budgets: Sequence[Budget],
        person: AsksForMeans,
        steps: Durable,
        wait: Callable[[str, AskRef], Awaitable[None]],
    ) -> None:
        self._budgets = tuple(budgets)
        self._person = person
        self._steps = steps
        self._wait = wait
        self._asked = 0
        self._is_told = False

    def budgets(self, used: Usage) -> tuple[Budget, ...]:
        """As they stand, what was given more included, when the answer has used so much."""
        return tuple(replace(each, used=each.used + used) for each in self._budgets)

    async def look(self, number: int, used: Usage) -> MeansLeft:
        """Before turn `number`, when the turns before have used so much."""
        remarks: list[str] = []
        while True:
            budget, share = fullest(self._budgets, used)
            if budget is None or share < NEAR:
                return MeansLeft(remarks=tuple(remarks))
            if share < 1:
                if not self._is_told:
                    self._is_told = True
                    remarks.append(words.BUDGET_NEAR[budget.of])
                return MeansLeft(remarks=tuple(remarks))
            raised = await self._ask(number, budget, used)
            if raised is None:
                return MeansLeft(budget.of)
            self._budgets = tuple(raised if each is budget else each for each in self._budgets)
            if self._is_told:
                self._is_told = False
                remarks.append(words.BUDGET_RAISED)

    async def _ask(self, number: int, budget: Budget, used: Usage) -> Budget | None:
        """The budget with what the person gives; None: it stays used up."""
        if not budget.can_be_raised or self._asked >= MOST_ASKED:
            return None
        name = f"budget-{self._asked}"
        spent = replace(budget, used=budget.used + used)
        ask = partial(self._person.ask_for_more, number, self._asked, spent)
        self._asked += 1
        asked = await self._steps.run(f"ask-{name}", ask)
        if asked.request_id is None:
            return None
        await self._wait(f"answer-{name}", asked)
        more = partial(self._person.more_means, asked.request_id)
        given = await self._steps.run(f"raise-{name}", more)
        if given.tokens is None and given.usd is None:
            return None
        return budget.raised(used, tokens=given.tokens, usd=given.usd)
