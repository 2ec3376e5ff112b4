"""The loop asks its person in steps: once, wherever it dies, and goes by what they say."""

from datetime import timedelta

import pytest

from agent import words
from agent.durable import NotDurable
from agent.loop import Agent, Limits, run_agent
from agent.outcome import Outcome
from agent.person import ANSWERED, Consent, Grants, Question, Reply, Request, RequestId, Standing
from agent.prompt import SYSTEM_PROMPT
from core.ids import ToolCallId
from llm.model import Turn
from tests.agent.desk import Desk, Died, Journal
from tests.support.scripted_turns import ScriptedTurns, call, calls, says
from tools.approvals import Rule
from tools.ask_user import ASK_USER
from tools.files import FILE_TOOLS
from tools.registry import Toolbox

SCRIPT: list[Turn] = [
    calls(
        call("q1", "askUser", question="Which name?"),
        call("w1", "writeFile", path="src/a.ts", content="a"),
        call("w2", "writeFile", path="b.ts", content="b"),
    ),
    says("Done."),
]
RULES = (Rule("writeFile", "ask", "src/**"),)
KEYS = [
    *("turn-0", "ask-0-q1", "answer-0-q1", "tool-0-q1"),
    *("ask-0-w1", "answer-0-w1", "tool-0-w1", "tool-0-w2", "turn-1"),
]


class Memory:
    """A person who is asked in memory, and answers with what they are told to, or never."""

    def __init__(self, alive: NotDurable, replies: dict[str, Reply]) -> None:
        self._alive = alive
        self._replies = replies
        self.requests: dict[RequestId, Request] = {}
        self.granted = Grants()

    async def ask(self, request: Request) -> Standing:
        request_id = RequestId(f"r-{request.number}-{request.call_id}")
        if self.requests.setdefault(request_id, request) is request:
            data = {"askId": request_id, "projectId": "p"}
            if request.call_id in self._replies:
                await self._alive.send_event(ANSWERED, data)
        return Standing(request_id, "open", request.until)

    async def settle(self, request_id: RequestId) -> Standing:
        request = self.requests[request_id]
        reply = self._replies.get(request.call_id)
        status = "expired" if reply is None else "answered"
        return Standing(request_id, status, request.until, reply)

    async def grants(self) -> Grants:
        return self.granted


class Meeting:
    """A desk whose agent has rules, with a person."""

    def __init__(self, replies: dict[str, Reply], script: list[Turn] = SCRIPT) -> None:
        self.alive = NotDurable()
        self.journal = Journal(self.alive)
        self.desk = Desk(ScriptedTurns(script, by_turn=True))
        self.person = Memory(self.alive, replies)

    async def run(self, *, alone: bool = False, rules: tuple[Rule, ...] = RULES) -> Outcome:
        agent = Agent(
            model=self.desk.model,
            toolbox=Toolbox((*FILE_TOOLS, ASK_USER)),
            system=SYSTEM_PROMPT,
            limits=self.desk.limits,
            clock=self.journal.clock,
            approvals=rules,
        )
        return await run_agent(
            agent,
            transcript=self.desk.transcript,
            sink=self.desk.sink,
            steps=self.journal,
            person=None if alone else self.person,
        )

    def output(self, call_id: str) -> str:
        return self.desk.transcript.turns[0].outputs[ToolCallId(call_id)].text

    def files(self) -> list[str]:
        return list(self.desk.workspace.files)


SAID = {"q1": Reply("Shop"), "w1": Reply(is_allowed=True)}


async def test_a_run_asks_in_steps_of_their_own() -> None:
    meeting = Meeting(SAID)
    await meeting.run()
    assert sorted(meeting.journal.ran) == sorted(KEYS)
    assert meeting.output("q1") == words.the_user_said("Shop")
    question, consent = (request.about for request in meeting.person.requests.values())
    assert question == Question("Which name?")
    assert isinstance(consent, Consent)
    assert (consent.tool, consent.paths, consent.patterns) == (
        "writeFile",
        ("src/a.ts",),
        ("/src/a.ts",),
    )


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("around", ["die_before", "die_after"])
async def test_whoever_dies_around_a_step_asks_once(key: str, around: str) -> None:
    meeting = Meeting(SAID)
    setattr(meeting.journal, around, key)
    with pytest.raises((Died, BaseExceptionGroup)):
        await meeting.run()
    meeting.journal.die_before = meeting.journal.die_after = None
    await meeting.run()
    assert len(meeting.person.requests) == 2
    assert meeting.output("q1") == words.the_user_said("Shop")
    assert "src/a.ts" in meeting.output("w1")


async def test_a_call_that_is_denied_does_not_run_and_the_model_hears_why() -> None:
    meeting = Meeting({"q1": Reply("Shop"), "w1": Reply("Leave it.")})
    await meeting.run()
    assert meeting.output("w1") == words.denied("writeFile", "Leave it.")
    assert "src/a.ts" not in meeting.files()
    assert "b.ts" in meeting.files()


async def test_where_nobody_can_be_asked_what_would_ask_is_denied() -> None:
    meeting = Meeting({})
    await meeting.run(alone=True)
    assert not [key for key in meeting.journal.ran if key.startswith(("ask", "answer"))]
    assert "nobody here" in meeting.output("q1")
    assert meeting.output("w1") == words.denied_by_rule("writeFile")
    assert "src/a.ts" not in meeting.files()


@pytest.mark.parametrize(
    "grants",
    [
        Grants(silenced=frozenset(RULES)),
        Grants(rules=(Rule("writeFile", "allow", "/src/a.ts"),)),
    ],
    ids=["for the run", "for always"],
)
async def test_what_was_allowed_before_is_not_asked_again(grants: Grants) -> None:
    meeting = Meeting({"q1": Reply("Shop")})
    meeting.person.granted = grants
    await meeting.run()
    assert len(meeting.person.requests) == 1
    assert "src/a.ts" in meeting.files()
    assert "answer-0-w1" not in meeting.journal.ran


async def test_a_question_without_an_answer_ends_in_time() -> None:
    meeting = Meeting({}, [calls(call("q1", "askUser", question="?")), says("Done.")])
    meeting.desk.limits = Limits(ask_timeout=timedelta(seconds=0.05))
    await meeting.run()
    assert meeting.output("q1") == words.NOBODY_ANSWERED


async def test_calls_that_ask_count_for_the_steps_that_they_take() -> None:
    many = [calls(call(f"q{n}", "askUser", question="?")) for n in range(9)]
    meeting = Meeting({f"q{n}": Reply("x") for n in range(9)}, [*many, says("Done.")])
    meeting.desk.limits = Limits(calls_per_turn=1, calls_per_answer=10)
    outcome = await meeting.run()
    assert outcome.tool_calls == 4
