"""A long task: condensed on the way, steered once, and allowed once what needs consent."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from app.demo.stage import Answer, DemoFailed, Stage

WEEKS = 10
LINES = 90  # of a ledger, about 5 kB
HISTORY_TOKENS = 2_200  # so few that the ledgers do not stand beside each other
CALLS_BEFORE_STEER = 3
CONDENSED = 2  # times, at least
ASK_AGAIN_S = 0.1
TASK = (
    "Read the ledgers of all ten weeks, one after the other, and write REPORT.md: what was spent "
    "in each week, and what stands out."
)
STEER = "Leave week 10 out: it is not closed yet."


async def play(stage: Stage) -> None:
    """Give an afternoon's work to an agent that can only be sent a few pages at a time."""
    await stage.restart(POLARIS_HISTORY_TOKENS=str(HISTORY_TOKENS))
    project_id = await stage.api.create_project("ledgers")
    for week in range(1, WEEKS + 1):
        path = f"ledgers/week-{week:02}.txt"
        await stage.api.write_file(project_id, path, _ledger(week))
    rule = {"tool": "writeFile", "pattern": "REPORT.md", "policy": "ask"}
    await stage.api.configure(project_id, approvals=[rule])
    stage.screen.note("[a rule of the project: writing REPORT.md needs consent]")
    conversation_id = await stage.api.create_conversation(project_id, "Demo of a long task")
    async with stage.ask(TASK, conversation_id) as answer, asyncio.TaskGroup() as beside:
        person = beside.create_task(_person(stage, conversation_id, answer))
        ended = await stage.read(answer)
        person.cancel()
    stage.screen.end_of_text()
    message = await stage.expect(ended, "completed")
    report = (await stage.api.read_files(project_id)).get("REPORT.md", b"").decode()
    asks = await stage.api.asks(conversation_id)
    stage.figures["condensed"] = len(message.get("condensations", []))
    stage.figures["approvals"] = sum(ask["status"] == "answered" for ask in asks)
    await _means(stage, project_id)
    if stage.is_scripted:
        _check(stage.figures, report, asks)


async def _person(stage: Stage, conversation_id: str, answer: Answer) -> None:
    """Speak once in the middle of the work, and allow what is asked for."""
    is_steered = False
    while True:
        calls = (await stage.api.message(answer.message_id)).get("toolCalls", [])
        if len(calls) >= CALLS_BEFORE_STEER and not is_steered:
            is_steered = True
            stage.screen.end_of_text()
            stage.screen.asked(f"(meanwhile) {STEER}")
            await stage.api.post_message(conversation_id, STEER, when_busy="steer")
        for ask in await stage.api.asks(conversation_id):
            if ask["status"] == "open":
                stage.screen.end_of_text()
                stage.screen.call("allowed:", ask["toolName"], ask["preview"].splitlines()[:6])
                await stage.api.allow(ask["askId"])
        await asyncio.sleep(ASK_AGAIN_S)


async def _means(stage: Stage, project_id: str) -> None:
    used = (await stage.api.usage(project_id))["total"]
    read, written = used["cacheReadTokens"], used["cacheWriteTokens"]
    sent = used["inputTokens"] + read + written
    stage.figures["tokens"] = f"{sent:,} in, {used['outputTokens']:,} out"
    cost = used.get("costMicros")
    stage.figures["cost"] = "not known" if cost is None else f"${cost / 1e6:.3f}"
    stage.figures["from_cache"] = f"{read / max(sent, 1):.0%}"


def _check(figures: Mapping[str, object], report: str, asks: Sequence[Mapping[str, Any]]) -> None:
    was_steered = "week 10" in report and "left out" in report
    is_condensed = isinstance(figures["condensed"], int) and figures["condensed"] >= CONDENSED
    if not (was_steered and is_condensed and len(asks) == 1 == figures["approvals"]):
        raise DemoFailed(f"not condensed twice, steered and allowed once: {figures}, {report!r}")


def _ledger(week: int) -> bytes:
    """Expenses of a made-up week, the same each time."""
    lines = [f"# week {week} of the year, {LINES} expenses"]
    for number in range(LINES):
        cents = (week * 7919 + number * 104_729) % 20_000
        who = ("ann", "ben", "cleo")[number % 3]
        lines.append(f"2026-W{week:02} {who:5} {cents // 100:4}.{cents % 100:02}  receipt {number}")
    return "\n".join([*lines, ""]).encode()
