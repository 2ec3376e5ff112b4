"""The person behind a run, asked through the store."""

from agent.person import (
    Consent,
    Grants,
    MoreMeans,
    Question,
    Reply,
    Request,
    RequestId,
    Standing,
)
from core.ids import AskId
from jobs.answer.attempt import Attempt
from jobs.events import rule_of
from store.gateway import Store
from store.records import ApprovalRule, Ask, AskAnswer, NewAsk, UsedUpBudget
from tools.approvals import Rule


class StorePerson:
    """See `agent.person.Person`. Everything raises GenerationClosed once the message is final."""

    def __init__(self, store: Store, attempt: Attempt) -> None:
        self._store = store
        self._attempt = attempt

    async def ask(self, request: Request) -> Standing:
        """Show it to the person."""
        asked = await self._store.asks.open(await self._attempt.lease(), _new_ask(request))
        return _standing(asked)

    async def settle(self, request_id: RequestId) -> Standing:
        """What they have answered."""
        ask_id = AskId(request_id)
        return _standing(await self._store.asks.settle(await self._attempt.lease(), ask_id))

    async def grants(self) -> Grants:
        """From what they have answered in this run."""
        rules: list[Rule] = []
        silenced: set[Rule] = set()
        for asked in await self._store.asks.of_message(self._attempt.message_id):
            scope = asked.answer.scope if asked.answer else None
            if scope == "run" and asked.rule is not None:
                silenced.add(rule_of(asked.rule))
            if scope == "always" and asked.tool_name is not None:
                patterns: tuple[str | None, ...] = asked.patterns or (None,)
                rules += [Rule(asked.tool_name, "allow", pattern) for pattern in patterns]
        return Grants(tuple(rules), frozenset(silenced))


def _new_ask(request: Request) -> NewAsk:
    about = request.about
    match about:
        case Question():
            return NewAsk(
                turn=request.number,
                tool_call_id=request.call_id,
                kind="question",
                expires_at=request.until,
                question=about.text,
                choices=about.choices or None,
                allows_text=about.allows_text,
            )
        case Consent():
            return NewAsk(
                turn=request.number,
                tool_call_id=request.call_id,
                kind="approval",
                expires_at=request.until,
                tool_name=about.tool,
                command=about.command,
                paths=about.paths or None,
                preview=about.preview or None,
                rule=ApprovalRule(about.rule.tool, about.rule.policy, about.rule.pattern),
                patterns=about.patterns,
            )
        case MoreMeans(budget):
            return NewAsk(
                turn=request.number,
                tool_call_id=request.call_id,
                kind="budget",
                expires_at=request.until,
                budget=UsedUpBudget(
                    of=budget.of,
                    spent_tokens=budget.used.tokens,
                    tokens=budget.tokens,
                    usd=budget.usd,
                    spent_usd=budget.used.cost_usd,
                ),
            )


def _standing(asked: Ask) -> Standing:
    reply = None if asked.answer is None else _reply(asked.answer)
    return Standing(RequestId(asked.ask_id), asked.status, asked.expires_at, reply)


def _reply(answer: AskAnswer) -> Reply:
    return Reply(
        answer.choice or answer.text or "",
        is_allowed=answer.decision == "allow",
        more_tokens=answer.more_tokens,
        more_usd=answer.more_usd,
    )
