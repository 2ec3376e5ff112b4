"""What a command prints is seen before it ends."""

import asyncio
from collections.abc import Callable

import pytest

from core.ids import MessageId
from jobs.answer.live import MORE, SHOWN_CHARS
from jobs.files.folders import name_of
from store.records import DeltaRun
from tests.jobs.message.site import TASK, Site
from tests.jobs.message.test_terminal import terminal
from tests.support.scripted_turns import ScriptedTurns, call, calls, says

__all__ = ["terminal"]

pytestmark = pytest.mark.timeout(120)

WAIT = "while [ ! -e go ]; do sleep 0.05; done"
RUN = f"echo first; {WAIT}; echo last; rm go"


def let_go(site: Site) -> None:
    (site.folder / "files" / name_of(site.project_id) / "files" / "go").touch()


async def outputs(site: Site, message_id: MessageId) -> list[DeltaRun]:
    runs: list[DeltaRun] = []
    start, has_more = 0, True
    while has_more:
        page = await site.store.messages.deltas(message_id, owner=site.owner, start=start)
        runs += [run for run in page.runs if run.kind in {"output", "outputReset"}]
        start, has_more = page.next, page.has_more
    return runs


async def outputs_once(
    site: Site, message_id: MessageId, holds: Callable[[list[DeltaRun]], bool]
) -> list[DeltaRun]:
    async with asyncio.timeout(40):
        while not holds(runs := await outputs(site, message_id)):  # noqa: ASYNC110 - in a store
            await asyncio.sleep(0.05)
    return runs


@pytest.mark.parametrize("tool", ["executeCommand", "startProcess"])
async def test_output_is_seen_while_the_call_runs(terminal: Site, tool: str) -> None:
    command = RUN if tool == "executeCommand" else "echo first; sleep 300"
    terminal.model = ScriptedTurns([calls(call("c1", tool, command=command)), says("Done.")])
    async with terminal.worker() as engine:
        message_id, run_id = await terminal.send(engine, TASK)
        [run] = await outputs_once(terminal, message_id, bool)
        assert (run.part, run.kind, run.tool_call_id) == (0, "output", "c1")
        assert run.text.startswith("first\n")
        if tool == "executeCommand":
            context = await terminal.store.messages.context(message_id, max_chars=0)
            assert [it.status for it in context.tool_calls] == ["running"]
        let_go(terminal)
        await engine.wait(run_id, 60)
    context = await terminal.store.messages.context(message_id, max_chars=0)
    [made] = context.tool_calls
    assert (made.output or "").endswith("first\nlast" if tool == "executeCommand" else "first")
    assert context.message.content == "Done."


async def test_output_of_a_cancelled_answer_is_none_of_its_text(terminal: Site) -> None:
    terminal.model = ScriptedTurns([calls(call("c1", "executeCommand", command=RUN))])
    async with terminal.worker() as engine:
        message_id, run_id = await terminal.send(engine, TASK)
        await outputs_once(terminal, message_id, bool)
        await terminal.store.messages.cancel(message_id, owner=terminal.owner)
        before = await outputs(terminal, message_id)
        await engine.cancel(run_id)
        await engine.wait(run_id, 30)
    message = await terminal.store.messages.owned(message_id, owner=terminal.owner)
    assert (message.status, message.content) == ("cancelled", "")
    assert await outputs(terminal, message_id) == before


async def test_a_command_that_runs_anew_takes_back_what_was_shown(terminal: Site) -> None:
    turns = [calls(call("c1", "executeCommand", command=RUN)), says("Done.")]
    terminal.model = ScriptedTurns(turns)
    async with terminal.worker() as engine:
        message_id, run_id = await terminal.send(engine, TASK)
        await outputs_once(terminal, message_id, bool)
    terminal.model = ScriptedTurns(turns[1:])
    async with terminal.worker() as engine:
        runs = await outputs_once(terminal, message_id, lambda runs: len(runs) >= 3)
        assert [(run.kind, run.text) for run in runs[:3]] == [
            ("output", "first\n"),
            ("outputReset", ""),
            ("output", "first\n"),
        ]
        let_go(terminal)
        await engine.wait(run_id, 60)
    [made] = (await terminal.store.messages.context(message_id, max_chars=0)).tool_calls
    assert made.output == "first\nlast"


async def test_only_the_beginning_of_much_output_is_shown(
    terminal: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.answer.live.QUICK_S", 0.01)  # a bound of time, made small
    command = f"yes | head -c {2 * SHOWN_CHARS}; {WAIT}; rm go"
    terminal.model = ScriptedTurns([calls(call("c1", "executeCommand", command=command)), says("")])
    async with terminal.worker() as engine:
        message_id, run_id = await terminal.send(engine, TASK)
        runs = await outputs_once(
            terminal, message_id, lambda runs: bool(runs) and runs[-1].text.endswith(MORE)
        )
        assert "".join(run.text for run in runs) == "y\n" * (SHOWN_CHARS // 2) + MORE
        let_go(terminal)
        await engine.wait(run_id, 60)
