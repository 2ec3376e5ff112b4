"""The terminal tools on the whole way: what their commands change is in the project."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from agent import words
from core.ids import ToolCallId
from store.records import ApprovalRule, AskAnswer
from tests.jobs.message.site import TASK, Site
from tests.jobs.message.test_asks import allow, ends, open_asks, reply, rules
from tests.jobs.message.test_commands import files_of
from tests.jobs.message.test_condensing import told
from tests.support.processes import alive, until_alive
from tests.support.scripted_turns import ScriptedTurns, call, calls, says
from tools.files import FILE_TOOLS
from tools.output import PARTS, FullTextPart
from tools.outputs import LONGEST_BYTES, Outputs, bounded
from tools.place import Provided
from tools.sandbox.processes import Processes
from tools.sandbox.sandbox import Sandbox
from tools.terminal import TERMINAL_TOOLS

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
async def terminal(site: Site) -> AsyncIterator[Site]:
    files = {"a.txt": b"one\n", "test.sh": b"grep -q two a.txt && echo passed\n"}
    await site.store.files.write_many(site.project_id, files, owner=site.owner)
    site.tools = (*FILE_TOOLS, *TERMINAL_TOOLS)
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(Sandbox())
        if sandbox.kind is None:
            pytest.skip("this machine has no user namespaces and no Landlock")
        processes = await stack.enter_async_context(Processes(sandbox))
        outputs = await stack.enter_async_context(Outputs())
        site.needs = Provided(sandbox, processes, outputs)
        yield site


async def test_a_command_changes_the_project_and_git_compares(terminal: Site) -> None:
    terminal.model = ScriptedTurns(
        [
            calls(call("c1", "executeCommand", command="git status --short; sh test.sh")),
            calls(
                call("c2", "executeCommand", command="sed -i s/one/two/ a.txt && echo x > b.txt")
            ),
            calls(call("c3", "executeCommand", command="sh test.sh; git status --short")),
            calls(call("c4", "executeCommand", command="setsid sleep 300 & sleep 0.3; seq 9000")),
            says("Done."),
        ]
    )
    async with terminal.worker() as engine:
        answer = await terminal.answer(engine, TASK)
    context = await terminal.store.messages.context(answer.message_id, max_chars=0)
    first, second, third, fourth = context.tool_calls
    assert (first.status, first.output) == ("failed", "Command failed with exit code 1:")
    assert second.status == "completed"
    assert third.output == "passed\n M a.txt\n?? b.txt"
    assert "readOutput with handle 'out-" in (fourth.output or "")
    assert await files_of(terminal) == {
        "a.txt": b"two\n",
        "b.txt": b"x\n",
        "test.sh": b"grep -q two a.txt && echo passed\n",
    }


async def test_a_program_that_is_not_on_the_list_runs_with_the_persons_consent(
    terminal: Site,
) -> None:
    files = {"node_modules/.bin/mine": b"#!/bin/sh\necho mine\n"}
    await terminal.store.files.write_many(terminal.project_id, files, owner=terminal.owner)
    factor = call("c1", "executeCommand", command="factor 12")
    again = call("c2", "executeCommand", command="cat a.txt && factor 12")
    other = call("c3", "executeCommand", command="factor 30 | rev")
    own = call("c4", "executeCommand", command="mine || echo not here")
    never = call("c5", "executeCommand", command="sudo factor 1; factor 1")
    terminal.model = ScriptedTurns(
        [*(calls(each) for each in (factor, again, other, own, never)), says("Done.")],
        by_turn=True,
    )
    async with terminal.worker() as engine:
        message_id, run_id = await terminal.send(engine, TASK)
        (ask,) = await open_asks(terminal)
        assert (ask.tool_name, ask.command, ask.patterns) == (
            "executeCommand",
            "factor 12",
            ("factor 12",),
        )
        assert (ask.preview or "").startswith("factor: it is not on the list")
        await reply(terminal, engine, ask, allow("run"))
        (ask,) = await open_asks(terminal)
        assert (ask.command, ask.patterns) == ("factor 30 | rev", ("factor 30", "rev"))
        await reply(terminal, engine, ask, AskAnswer(decision="deny", text="No."))
        outputs = await ends(terminal, engine, run_id, message_id)
    assert outputs["c1"] == "12: 2 2 3"
    assert outputs["c2"] == "one\n12: 2 2 3"
    assert outputs["c3"] == words.denied("executeCommand", "No.")
    assert "sudo" in outputs["c5"]
    assert len(await terminal.store.asks.list(terminal.conversation_id, owner=terminal.owner)) == 2


async def test_rules_of_the_project_let_programs_run_that_are_not_on_the_list(
    terminal: Site,
) -> None:
    await rules(terminal, ApprovalRule("executeCommand", "allow", "factor *"))
    terminal.model = ScriptedTurns(
        [calls(call("c1", "executeCommand", command="factor 12")), says("Done.")]
    )
    async with terminal.worker() as engine:
        message_id, run_id = await terminal.send(engine, TASK)
        outputs = await ends(terminal, engine, run_id, message_id)
    assert outputs["c1"] == "12: 2 2 3"


PRINT = "seq 1 30000; echo 'the needle'; seq 1 30000"


async def test_a_whole_output_is_read_by_another_worker_and_in_its_conversation_only(
    terminal: Site,
) -> None:
    terminal.model = model = ScriptedTurns(
        [calls(call("c1", "executeCommand", command=PRINT)), says("Done.")]
    )
    async with terminal.worker() as engine:
        await terminal.answer(engine, TASK)
    [handle] = re.findall(r"readOutput with handle '(out-[0-9a-f]+)'", told(model.requests[-1]))
    reading = [
        calls(call("c1", "readOutput", handle=handle, pattern="needle")),
        calls(call("c2", "readOutput", handle="out-none")),
        says("Read."),
    ]
    async with Outputs() as of_another_worker:
        terminal.needs = Provided(of_another_worker)
        terminal.model = model = ScriptedTurns(reading)
        async with terminal.worker() as engine:
            await terminal.answer(engine, "And what stands in the middle?")
        assert "30001: the needle" in told(model.requests[1])
        assert "No output is kept under 'out-none'" in told(model.requests[2])
        other = await terminal.store.conversations.create(
            terminal.project_id, owner=terminal.owner, title="Two"
        )
        terminal.conversation_id = other.conversation_id
        terminal.model = model = ScriptedTurns(reading)
        async with terminal.worker() as engine:
            await terminal.answer(engine, "Tell me what the other one printed.")
        assert f"No output is kept under '{handle}'" in told(model.requests[1])


async def test_people_get_the_part_that_names_it(terminal: Site) -> None:
    terminal.model = ScriptedTurns(
        [calls(call("c1", "executeCommand", command="seq 1 9000")), says("Done.")]
    )
    async with terminal.worker() as engine:
        answer = await terminal.answer(engine, TASK)
    parts = PARTS.validate_python(
        await terminal.store.messages.result_parts(
            answer.message_id, owner=terminal.owner, turn=0, tool_call_id=ToolCallId("c1")
        )
    )
    [full] = [part for part in parts if isinstance(part, FullTextPart)]
    text = await terminal.store.messages.full_text(answer.message_id, full.handle)
    assert text == "".join(f"{number}\n" for number in range(1, 9_001))


def test_of_a_very_long_output_both_ends_are_kept() -> None:
    text = "a" + "é" * (LONGEST_BYTES // 2) + "\nz"
    kept = bounded(text)
    assert len(kept) < LONGEST_BYTES + 100
    head, _, tail = kept.decode().partition("\n[... ")
    assert head.startswith("aé")
    assert tail.endswith("é\nz")
    assert bounded("é") == "é".encode()


async def test_a_cancelled_message_leaves_no_process_and_no_change(terminal: Site) -> None:
    mark = f"300.{time.monotonic_ns()}"
    command = f"rm a.txt; setsid sleep {mark} & sleep {mark}"
    terminal.model = ScriptedTurns([calls(call("c1", "executeCommand", command=command))])
    async with terminal.worker() as engine:
        message_id, run_id = await terminal.send(engine, TASK)
        await until_alive(mark)
        await terminal.store.messages.cancel(message_id, owner=terminal.owner)
        await engine.cancel(run_id)
        async with asyncio.timeout(20):
            while list(alive(mark)):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.01)
    assert (await files_of(terminal))["a.txt"] == b"one\n"
