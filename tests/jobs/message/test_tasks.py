"""A call of `task` on the engine: a sub-agent answers in a run of its own, below the call."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

import pytest

from agent import words
from agent.definition import Limits
from agent.means import Budget
from core.ids import MessageId, RunId
from llm.model import ModelEvent, ModelRequest, Turn
from store import DeltaLimits, Store
from store.records import ApprovalRule, AskAnswer, MessageStatus, TaskAnswer
from tests.jobs.message.site import TASK, Site
from tests.jobs.message.test_asks import open_asks, reply
from tests.support.scripted_turns import Reply, ScriptedTurns, call, calls, says, told
from tests.support.store import KEY
from tools.delegate import TASK as TASK_TOOL

pytestmark = pytest.mark.timeout(120)

LOOK = "Look at the shop and say what it sells."


class Two(ScriptedTurns):
    """Answers people by `replies` and sub-agents by `tasks`, both by the turn."""

    def __init__(self, replies: Sequence[Reply], tasks: Sequence[Reply]) -> None:
        super().__init__([], by_turn=True)
        self.mine, self.tasks = replies, tasks
        self.asked: list[ModelRequest] = []
        self.hangs_in: int | None = None

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        is_task = "# Your task" in request.system
        self.replies = self.tasks if is_task else self.mine
        self.hang_in_turn = self.hangs_in if is_task else None
        if is_task:
            self.asked.append(request)
        async for event in super().stream(request):
            yield event


def handing(*ids: str, **more: object) -> Turn:
    wanted = [call(each, "task", description="Look around", prompt=LOOK, **more) for each in ids]
    return calls(*wanted)


@pytest.fixture
def site(site: Site) -> Site:
    site.chat_tools = (TASK_TOOL,)
    return site


async def tasks_of(site: Site, message_id: MessageId) -> tuple[TaskAnswer, ...]:
    return await site.store.tasks.of_message(message_id, owner=site.owner)


async def outputs(site: Site, message_id: MessageId) -> dict[str, tuple[str, str]]:
    made = await site.store.messages.context(message_id, max_chars=0)
    return {each.tool_call_id: (each.status, each.output or "") for each in made.tool_calls}


async def test_its_last_words_are_the_result_and_its_work_is_seen_below_the_call(
    site: Site,
) -> None:
    write = calls(call("w", "writeFile", path="a.txt", content="a"), text="I look.")
    site.model = model = Two([handing("t"), says("All done.")], [write, says("It sells tea.")])
    async with site.worker() as engine:
        answer = await site.answer(engine, TASK)
    assert (answer.status, answer.content) == (MessageStatus.COMPLETED, "All done.")
    assert await outputs(site, answer.message_id) == {"t": ("completed", "It sells tea.")}
    (task,) = await tasks_of(site, answer.message_id)
    assert (task.tool_call_id, task.title, task.status) == ("t", "Look around", "completed")
    assert (await outputs(site, task.message_id))["w"][0] == "completed"
    child = await site.store.messages.owned(task.message_id, owner=site.owner)
    assert child.content == "I look.\n\nIt sells tea."
    assert LOOK in told(model.asked[0])
    assert TASK not in told(model.asked[0])
    names = [tool.name for tool in model.asked[0].tools]
    assert "task" not in names
    assert "writeFile" in names


async def test_a_sub_agent_that_calls_itself_is_told_that_it_cannot(site: Site) -> None:
    site.model = Two([handing("t"), says("Done.")], [handing("again"), says("I did it myself.")])
    async with site.worker() as engine:
        answer = await site.answer(engine, TASK)
    (task,) = await tasks_of(site, answer.message_id)
    status, output = (await outputs(site, task.message_id))["again"]
    assert (status, "There is no tool 'task'" in output) == ("failed", True)
    assert await tasks_of(site, task.message_id) == ()
    assert (await outputs(site, answer.message_id))["t"] == ("completed", "I did it myself.")


@pytest.mark.parametrize(
    ("more", "says_so"),
    [
        ({"tools": ["task"]}, "cannot have task"),
        ({"tools": ["flyAway"]}, "cannot have flyAway. It can have: "),
        ({"model": "nobody/nothing"}, "no model that may answer here"),
        ({"prompt": " "}, "not valid"),
    ],
)
async def test_what_cannot_be_handed_on_is_said_and_nobody_is_asked(
    site: Site, more: dict[str, object], says_so: str
) -> None:
    wanted = {"description": "Look", "prompt": LOOK, **more}
    site.model = Two([calls(call("t", "task", **wanted)), says("Done.")], [])
    async with site.worker() as engine:
        answer = await site.answer(engine, TASK)
    status, output = (await outputs(site, answer.message_id))["t"]
    assert (status, says_so in output) == ("failed", True)
    assert await tasks_of(site, answer.message_id) == ()


async def test_one_that_fails_is_a_result_and_the_answer_goes_on(site: Site) -> None:
    site.model = Two([handing("t"), says("Then I do it.")], [RuntimeError("broken")])
    async with site.worker() as engine:
        answer = await site.answer(engine, TASK)
    assert (answer.status, answer.content) == (MessageStatus.COMPLETED, "Then I do it.")
    status, output = (await outputs(site, answer.message_id))["t"]
    assert (status, "[The sub-agent failed: " in output) == ("failed", True)
    (task,) = await tasks_of(site, answer.message_id)
    assert task.status is MessageStatus.FAILED


async def test_it_has_the_tools_that_it_is_given_and_the_model(site: Site) -> None:
    small = Two([], [says("Small here.")])
    site.models = {"test/small": small}
    site.model = Two([handing("t", tools=["readFile"], model="test/small"), says("Done.")], [])
    async with site.worker() as engine:
        answer = await site.answer(engine, TASK)
    assert (await outputs(site, answer.message_id))["t"] == ("completed", "Small here.")
    assert [tool.name for tool in small.asked[0].tools] == ["readFile"]


async def test_tasks_that_only_read_run_side_by_side_and_no_more_than_a_few(site: Site) -> None:
    meeting = asyncio.Barrier(2)

    class Meeting(Two):
        async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
            if "# Your task" in request.system:
                async with asyncio.timeout(30):
                    await meeting.wait()
            async for event in super().stream(request):
                yield event

    site.limits = Limits(parallel_tasks=2)
    ids = ("a", "b", "c", "d")
    site.model = Meeting([handing(*ids, tools=["readFile"]), says("Done.")], [says("Seen.")])
    async with site.worker() as engine:
        answer = await site.answer(engine, TASK)
    assert await outputs(site, answer.message_id) == dict.fromkeys(ids, ("completed", "Seen."))
    assert len(await tasks_of(site, answer.message_id)) == 4


async def test_an_answer_that_waits_stands_in_no_task_s_way(site: Site) -> None:
    site.max_running = 1
    site.model = Two([handing("a", "b"), says("Done.")], [says("Seen.")])
    async with site.worker() as engine:
        answer = await site.answer(engine, TASK)
    assert await outputs(site, answer.message_id) == dict.fromkeys("ab", ("completed", "Seen."))


async def test_an_answer_has_so_many_tasks_and_no_more(site: Site) -> None:
    site.limits = Limits(tasks_per_answer=1)
    site.model = Two([handing("a", "b", tools=["readFile"]), says("Done.")], [says("Seen.")])
    async with site.worker() as engine:
        answer = await site.answer(engine, TASK)
    assert (await outputs(site, answer.message_id))["b"] == ("failed", words.too_many_tasks(1))


async def test_what_it_takes_is_the_answers(site: Site) -> None:
    writes = [calls(call(f"w{n}", "writeFile", path=f"{n}", content="a")) for n in range(4)]
    site.limits = Limits(budgets=(Budget("answer", usd=0.9),))  # a turn is 0.25
    site.model = Two([handing("t"), says("Never said.")], writes)
    async with site.worker() as engine:
        answer = await site.answer(engine, TASK)
    assert answer.ended_early == "answer_budget"
    (task,) = await tasks_of(site, answer.message_id)
    child = await site.store.messages.owned(task.message_id, owner=site.owner)
    assert child.ended_early == "answer_budget"
    assert answer.usage is not None
    assert child.usage is not None
    assert (answer.usage.cost_usd, child.usage.cost_usd) == (0.25, 0.75)
    day = answer.started_at.date()
    used = await site.store.usage.summary(
        owner=site.owner, first=day, last=day, by="day", conversation_id=site.conversation_id
    )
    assert used.total.usage.cost_usd == 1.0


async def test_the_budget_of_the_conversation_binds_it(site: Site) -> None:
    writes = [calls(call(f"w{n}", "writeFile", path=f"{n}", content="a")) for n in range(4)]
    site.conversation_budget = Budget("conversation", usd=0.9)  # a turn is 0.25
    site.model = Two([handing("t"), says("Never said.")], writes)
    async with site.worker() as engine:
        answer = await site.answer(engine, TASK)
    (task,) = await tasks_of(site, answer.message_id)
    child = await site.store.messages.owned(task.message_id, owner=site.owner)
    assert (answer.ended_early, child.ended_early) == ("conversation_budget", "conversation_budget")


async def test_more_for_the_answer_is_more_for_it(site: Site) -> None:
    writes = [calls(call(f"w{n}", "writeFile", path=f"{n}", content="a")) for n in range(3)]
    site.limits, site.raisable = Limits(budgets=(Budget("answer", usd=0.25),)), ("answer",)
    begins = calls(call("first", "writeFile", path="first", content="a"))
    site.model = Two([begins, handing("t"), says("Done.")], [*writes, says("Written.")])
    async with site.worker() as engine, site.relaying(engine):
        message_id, run_id = await site.send(engine, TASK)
        (ask,) = await open_asks(site)
        await reply(site, engine, ask, AskAnswer(decision="allow", more_usd=5.0))
        await engine.wait(run_id, 30)
    answer = await site.store.messages.owned(message_id, owner=site.owner)
    assert (answer.content, answer.ended_early) == ("Done.", None)
    assert (await outputs(site, message_id))["t"] == ("completed", "Written.")


async def test_it_ends_with_the_answer_that_is_cancelled(site: Site) -> None:
    site.model = model = Two([handing("t"), says("Never.")], [says("Never.")])
    model.hangs_in = 0
    async with site.worker() as engine, site.relaying(engine):
        message_id, run_id = await site.send(engine, TASK)
        async with asyncio.timeout(30):
            await model.hanging.wait()
        (task,) = await tasks_of(site, message_id)
        await site.store.messages.cancel(message_id, owner=site.owner)
        (ended,) = await tasks_of(site, message_id)
        assert (task.status, ended.status) == (MessageStatus.PROCESSING, MessageStatus.CANCELLED)
        assert (await engine.wait(run_id, 30)).status == "cancelled"
        child_run = RunId(f"{run_id}:invoke-0-t")
        assert (await engine.wait(child_run, 30)).status == "cancelled"
    assert model.closed == len(model.requests) == 2


async def test_no_word_of_it_is_lost_when_the_answer_is_cancelled(
    site: Site, convex_url: str
) -> None:
    site.model = model = Two([handing("t"), says("Never.")], [says("Never.")])
    model.hangs_in = 0
    never = DeltaLimits(interval_s=600, shortest_s=600)
    async with Store(convex_url, internal_key=KEY, delta_limits=never) as store:
        site.store = store
        async with site.worker() as engine:
            message_id, run_id = await site.send(engine, TASK)
            async with asyncio.timeout(30):
                await model.hanging.wait()
            await site.live.stop(message_id, owner=site.owner)
            assert model.closed == 2
            await store.messages.cancel(message_id, owner=site.owner)
            await engine.cancel(run_id)
            assert (await engine.wait(run_id, 30)).status == "cancelled"
        (task,) = await tasks_of(site, message_id)
        child = await store.messages.owned(task.message_id, owner=site.owner)
    assert (child.status, child.content) == (MessageStatus.CANCELLED, model.partial)


async def test_one_that_is_stopped_by_itself_is_a_result(site: Site) -> None:
    site.model = model = Two([handing("t"), says("I go on.")], [says("Never.")])
    model.hangs_in = 0
    async with site.worker() as engine, site.relaying(engine):
        message_id, run_id = await site.send(engine, TASK)
        async with asyncio.timeout(30):
            await model.hanging.wait()
        (task,) = await tasks_of(site, message_id)
        await site.store.messages.cancel(task.message_id, owner=site.owner)
        await engine.wait(run_id, 60)
    answer = await site.store.messages.owned(message_id, owner=site.owner)
    assert (answer.status, answer.content) == (MessageStatus.COMPLETED, "I go on.")
    assert (await outputs(site, message_id))["t"] == ("failed", words.TASK_STOPPED)


async def test_both_go_on_in_another_process_and_nothing_happens_twice(site: Site) -> None:
    write = calls(call("w", "writeFile", path="a.txt", content="a"))
    script = ([handing("t"), says("Done.")], [write, says("Written.")])
    first = site.model = Two(*script)
    first.hangs_in = 1
    async with site.worker() as engine:
        message_id, run_id = await site.send(engine, TASK)
        async with asyncio.timeout(30):
            await first.hanging.wait()
    second = site.model = Two(*script)
    async with site.worker() as engine:
        await engine.wait(run_id, 60)
    answer = await site.store.messages.owned(message_id, owner=site.owner)
    assert (answer.status, answer.content) == (MessageStatus.COMPLETED, "Done.")
    (task,) = await tasks_of(site, message_id)
    assert await outputs(site, message_id) == {"t": ("completed", "Written.")}
    assert list(await outputs(site, task.message_id)) == ["w"]
    assert (len(second.asked), len(second.requests)) == (1, 2)


async def test_it_asks_the_person_in_the_conversation_of_the_call(site: Site) -> None:
    rule = ApprovalRule("writeFile", "ask", None)
    await site.store.projects.configure(
        site.project_id, owner=site.owner, change={"approvals": (rule,)}
    )
    write = calls(call("w", "writeFile", path="a.txt", content="a"))
    site.model = Two([handing("t"), says("Done.")], [write, says("Written.")])
    async with site.worker() as engine, site.relaying(engine):
        message_id, run_id = await site.send(engine, TASK)
        ask = None
        while ask is None:
            await asyncio.sleep(0.05)
            asks = await site.store.asks.list(site.conversation_id, owner=site.owner)
            ask = next(iter(asks), None)
        (task,) = await tasks_of(site, message_id)
        assert (ask.message_id, ask.tool_name) == (task.message_id, "writeFile")
        allowed = AskAnswer(decision="allow", scope="once")
        await site.store.asks.answer(ask.ask_id, allowed, owner=site.owner)
        await engine.wait(run_id, 60)
    assert (await outputs(site, message_id))["t"] == ("completed", "Written.")
    assert (await outputs(site, task.message_id))["w"][0] == "completed"
