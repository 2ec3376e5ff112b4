"""At a budget the person is asked for more, in steps: until they give it, no model is asked."""

from datetime import timedelta

import pytest

from agent import words
from agent.definition import Limits
from agent.durable import NotDurable
from agent.loop import Agent, run_agent
from agent.means import Budget, Whose
from agent.outcome import Ending, Outcome
from agent.person import ANSWERED, Grants, MoreMeans, Reply, Request, RequestId, Standing
from agent.prompt import SYSTEM_PROMPT
from agent.spending import MOST_ASKED
from core.usage import Usage
from llm.faults import StreamBroken
from llm.model import TextPart, Turn, UserMessage
from tests.agent.desk import Desk, Died, Journal
from tests.support.scripted_turns import ScriptedTurns, call, calls, says

LOOKS = [calls(call(f"c{n}", "listFiles", path=f"d{n}")) for n in range(4)]  # 15 tokens each
KEYS = ["ask-budget-0", "answer-budget-0", "raise-budget-0"]
MORE = Reply(is_allowed=True, more_tokens=1_000)


class Memory:
    """A person who says the next of what they are told to say, or nothing."""

    def __init__(self, alive: NotDurable, replies: list[Reply]) -> None:
        self._alive = alive
        self._replies = replies
        self.asked: dict[RequestId, Request] = {}

    async def ask(self, request: Request) -> Standing:
        request_id = RequestId(request.call_id)
        is_new = self.asked.setdefault(request_id, request) is request
        if is_new and len(self.asked) <= len(self._replies):
            await self._alive.send_event(ANSWERED, {"askId": request_id, "projectId": "p"})
        return Standing(request_id, "open", request.until)

    async def settle(self, request_id: RequestId) -> Standing:
        number = list(self.asked).index(request_id)
        reply = self._replies[number] if number < len(self._replies) else None
        status = "expired" if reply is None else "answered"
        return Standing(request_id, status, self.asked[request_id].until, reply)

    async def grants(self) -> Grants:
        return Grants()

    def budgets(self) -> list[Budget]:
        requests = [request.about for request in self.asked.values()]
        return [about.budget for about in requests if isinstance(about, MoreMeans)]


class Meeting:
    """A desk whose agent has budgets, with a person."""

    def __init__(
        self, budgets: tuple[Budget, ...], replies: list[Reply], script: list[Turn] | None = None
    ) -> None:
        self.alive = NotDurable()
        self.journal = Journal(self.alive)
        self.model = ScriptedTurns(script or [*LOOKS, says("Done.")], by_turn=True)
        self.desk = Desk(self.model)
        self.limits = Limits(budgets=budgets)
        self.person = Memory(self.alive, replies)

    async def run(self, *, alone: bool = False) -> Outcome:
        agent = Agent(
            model=self.model,
            toolbox=self.desk.toolbox,
            system=SYSTEM_PROMPT,
            limits=self.limits,
            clock=self.journal.clock,
        )
        return await run_agent(
            agent,
            transcript=self.desk.transcript,
            sink=self.desk.sink,
            steps=self.journal,
            person=None if alone else self.person,
        )


def raisable(of: Whose = "answer", *, tokens: int | None = 30, usd: float | None = None) -> Budget:
    return Budget(of, tokens=tokens, usd=usd, asks=True)


async def test_with_more_the_answer_goes_on_to_its_end() -> None:
    meeting = Meeting((raisable(),), [MORE])
    outcome = await meeting.run()
    assert (outcome.ending, outcome.turns) == (Ending.FINISHED, 5)
    assert [key for key in meeting.journal.ran if "budget" in key] == KEYS
    assert meeting.journal.ran.index("raise-budget-0") < meeting.journal.ran.index("turn-2")
    (asked,) = meeting.person.budgets()
    assert (asked.of, asked.tokens, asked.used.tokens) == ("answer", 30, 30)


@pytest.mark.parametrize("reply", [Reply(), None], ids=["no", "nothing"])
async def test_without_more_it_ends_as_ever(reply: Reply | None) -> None:
    meeting = Meeting((raisable(),), [] if reply is None else [reply])
    meeting.limits = Limits(budgets=(raisable(),), ask_timeout=timedelta(seconds=0.05))
    outcome = await meeting.run()
    assert (outcome.ending, outcome.turns) == (Ending.ANSWER_BUDGET, 2)
    assert outcome.note == words.BUDGET_SPENT["answer"]
    assert len(meeting.person.asked) == 1


@pytest.mark.parametrize(
    "budget",
    [
        Budget("answer", tokens=30),  # not to be raised
        Budget("answer", tokens=0, asks=True),  # of nothing there is no more
        Budget("answer", tokens=100, usd=0.0, asks=True),
    ],
    ids=str,
)
async def test_of_some_budgets_nobody_is_asked_for_more(budget: Budget) -> None:
    meeting = Meeting((budget,), [MORE])
    assert (await meeting.run()).ending is Ending.ANSWER_BUDGET
    assert not meeting.person.asked


async def test_where_there_is_no_person_it_ends() -> None:
    meeting = Meeting((raisable(),), [MORE])
    assert (await meeting.run(alone=True)).ending is Ending.ANSWER_BUDGET


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("around", ["die_before", "die_after"])
async def test_whoever_dies_around_a_step_asks_once(key: str, around: str) -> None:
    meeting = Meeting((raisable(),), [MORE])
    setattr(meeting.journal, around, key)
    with pytest.raises(Died):
        await meeting.run()
    meeting.journal.die_before = meeting.journal.die_after = None
    outcome = await meeting.run()
    assert (outcome.ending, len(meeting.person.asked)) == (Ending.FINISHED, 1)
    assert await meeting.run() == outcome  # a replay of all of it
    assert len(meeting.model.requests) == 5


async def test_more_counts_from_what_is_gone_and_each_budget_asks_for_itself() -> None:
    usd = Reply(is_allowed=True, more_usd=10.0)
    once = Reply(is_allowed=True, more_tokens=15)  # one turn
    used = Usage(output_tokens=100)
    day = Budget("day", tokens=125, used=used, asks=True)
    meeting = Meeting((raisable("conversation", tokens=None, usd=0.4), day), [usd, once, MORE])
    outcome = await meeting.run()
    assert outcome.ending is Ending.FINISHED
    asked = [(each.of, each.tokens, each.used.tokens) for each in meeting.person.budgets()]
    assert asked == [("conversation", None, 30), ("day", 125, 130), ("day", 145, 145)]


async def test_who_gives_too_little_is_asked_a_bounded_number_of_times() -> None:
    writes = [calls(call(f"c{n}", "writeFile", path=f"{n}", content="x")) for n in range(50)]
    little = [Reply(is_allowed=True, more_tokens=1)] * 50
    meeting = Meeting((raisable(tokens=1),), little, writes)
    meeting.limits = Limits(budgets=(raisable(tokens=1),), max_turns=50)
    outcome = await meeting.run()
    assert (outcome.ending, len(meeting.person.asked)) == (Ending.ANSWER_BUDGET, MOST_ASKED)


async def test_the_model_hears_that_there_is_more_after_it_was_told_to_hurry() -> None:
    meeting = Meeting((raisable(tokens=35),), [MORE])
    await meeting.run()
    said = [
        [
            part.text
            for message in request.messages
            if isinstance(message, UserMessage)
            for part in message.parts
            if isinstance(part, TextPart)
        ]
        for request in meeting.model.requests
    ]
    assert words.BUDGET_NEAR["answer"] in said[2]
    assert words.BUDGET_RAISED not in said[2]
    assert words.BUDGET_RAISED in said[3]


async def test_what_a_broken_stream_took_counts() -> None:
    broken = StreamBroken("cut")
    broken.usage = Usage(output_tokens=20)
    model = ScriptedTurns([broken, LOOKS[0], says("Done.")])
    desk = Desk(model, limits=Limits(budgets=(Budget("answer", tokens=35),)))
    outcome = await desk.run()
    assert (outcome.ending, outcome.turns, outcome.usage.tokens) == (Ending.ANSWER_BUDGET, 1, 35)


async def test_so_does_one_that_is_asked_again_after_a_long_wait() -> None:
    broken = StreamBroken("cut", retry_after_s=60.0)
    broken.usage = Usage(output_tokens=20)
    model = ScriptedTurns([broken, LOOKS[0], says("Done.")])
    desk = Desk(model, limits=Limits(budgets=(Budget("answer", tokens=35),)))
    outcome = await desk.run(Journal())
    assert (outcome.ending, outcome.turns, outcome.usage.tokens) == (Ending.ANSWER_BUDGET, 1, 35)
