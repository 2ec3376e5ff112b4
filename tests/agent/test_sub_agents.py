"""The loop hands a task on in steps: once, wherever it dies, and goes by what comes of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from pydantic import TypeAdapter

from agent import words
from agent.definition import Agent, Limits
from agent.durable import Durable, NotDurable
from agent.loop import run_agent
from agent.means import Budget
from agent.outcome import Ending, Outcome
from agent.prompt import SYSTEM_PROMPT
from agent.sub_agents import Report, Task, TaskEnd, TaskId, TaskRef
from core.ids import ToolCallId
from core.usage import Usage
from llm.model import Turn
from tests.agent.desk import Desk, Died, Journal
from tests.support.scripted_turns import ScriptedTurns, call, calls, says
from tools.approvals import Rule
from tools.delegate import TASK
from tools.files import FILE_TOOLS
from tools.output import ToolOutput
from tools.registry import Toolbox

GIVEN = {"description": "Look  around", "prompt": "Look at it."}
SCRIPT: list[Turn] = [
    calls(call("a", "task", **GIVEN, tools=["readFile"]), call("b", "task", **GIVEN)),
    says("Done."),
]
KEYS = [
    *("turn-0", "task-0-a", "invoke-0-a", "tool-0-a"),
    *("task-0-b", "invoke-0-b", "tool-0-b", "turn-1"),
]


class Work:
    """A job by its id, as far as a run invokes it."""

    id = "work"
    result = TypeAdapter[None](None)


class Memory:
    """Sub-agents in memory: each says which task it had, and takes 100 tokens."""

    def __init__(self) -> None:
        self.tasks: dict[TaskId, Task] = {}
        self.worked: list[str] = []
        self.budgets: list[tuple[Budget, ...]] = []
        self.alive = NotDurable(children={"work": self._work})

    async def open(self, task: Task) -> TaskId:
        task_id = TaskId(f"task-{task.call_id}")
        assert self.tasks.setdefault(task_id, task) == task
        return task_id

    async def run(
        self, steps: Durable, key: str, task: TaskRef, *, budgets: Sequence[Budget]
    ) -> TaskEnd:
        self.budgets.append(tuple(budgets))
        await steps.invoke(key, Work(), {"id": task.task_id})
        return TaskEnd()

    async def report(self, task_id: TaskId, end: TaskEnd) -> Report:
        assert end == TaskEnd()
        assert task_id in self.worked
        return Report(ToolOutput(f"{task_id} is done"), Usage(output_tokens=100))

    async def _work(self, data: Mapping[str, Any]) -> None:
        self.worked.append(data["id"])


class Office:
    """A desk whose agent has sub-agents."""

    def __init__(self, script: list[Turn] = SCRIPT, limits: Limits | None = None) -> None:
        self.sub_agents = Memory()
        self.journal = Journal(self.sub_agents.alive)
        self.desk = Desk(ScriptedTurns(script, by_turn=True), limits=limits or Limits())

    async def run(self, *, alone: bool = False, rules: tuple[Rule, ...] = ()) -> Outcome:
        agent = Agent(
            model=self.desk.model,
            toolbox=Toolbox((*FILE_TOOLS, TASK)),
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
            sub_agents=None if alone else self.sub_agents,
        )

    def output(self, call_id: str) -> str:
        return self.desk.transcript.turns[0].outputs[ToolCallId(call_id)].text


async def test_a_task_has_steps_of_its_own() -> None:
    office = Office()
    await office.run()
    assert sorted(office.journal.ran) == sorted(KEYS)
    assert [office.output(each) for each in "ab"] == ["task-a is done", "task-b is done"]
    assert office.sub_agents.tasks[TaskId("task-a")].title == "Look around"


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("around", ["die_before", "die_after"])
async def test_whoever_dies_around_a_step_has_each_task_done_once(key: str, around: str) -> None:
    office = Office(limits=Limits(budgets=(Budget("answer", tokens=10_000),)))
    setattr(office.journal, around, key)
    with pytest.raises((Died, BaseExceptionGroup)):
        await office.run()
    office.journal.die_before = office.journal.die_after = None
    outcome = await office.run()
    assert outcome.ending is Ending.FINISHED
    assert set(office.sub_agents.worked) == set(office.sub_agents.tasks) == {"task-a", "task-b"}
    assert [office.output(each) for each in "ab"] == ["task-a is done", "task-b is done"]
    took = [result.usage for name, result in office.journal.results.items() if "tool-" in name]
    assert took == [Usage(output_tokens=100)] * 2


async def test_what_tasks_take_ends_the_answer_at_its_budget() -> None:
    office = Office(limits=Limits(budgets=(Budget("answer", tokens=200),)))
    outcome = await office.run()
    assert (outcome.ending, outcome.turns) == (Ending.ANSWER_BUDGET, 1)
    assert outcome.usage.tokens == 15  # those of its own turns: the tasks have said theirs
    assert [budget.used.tokens for (budget,) in office.sub_agents.budgets] == [15, 15]


async def test_a_task_that_a_rule_forbids_is_not_asked_for() -> None:
    office = Office()
    await office.run(rules=(Rule("task", "deny"),))
    assert office.sub_agents.tasks == {}
    assert office.output("a") == words.denied_by_rule("task")


async def test_where_there_are_no_sub_agents_the_tool_says_so() -> None:
    office = Office()
    await office.run(alone=True)
    assert not [key for key in office.journal.ran if key.startswith(("task", "invoke"))]
    assert "no sub-agents here" in office.output("a")


async def test_tasks_count_for_the_steps_that_they_take() -> None:
    many = [calls(call(f"t{n}", "task", **GIVEN)) for n in range(9)]
    limits = Limits(calls_per_turn=1, calls_per_answer=9)
    office = Office([*many, says("Done.")], limits)
    outcome = await office.run()
    assert (outcome.ending, outcome.tool_calls) == (Ending.STEP_CAP, 3)
