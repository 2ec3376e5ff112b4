"""The process is killed while it answers; nothing is lost, and nothing happens twice."""

import json
from collections import Counter
from time import monotonic

from app.demo.screen import common_start
from app.demo.stage import CHARS_BEFORE_CUT, SCENARIO, DemoFailed, Ended, Stage, ms


async def play(stage: Stage) -> None:
    """Kill, start again, follow to the end; then look at all that this conversation has made."""
    async with stage.ask(stage.prompts.killed) as answer:
        await stage.read(answer, until_chars=CHARS_BEFORE_CUT)
        stage.screen.end_of_text()
        stage.screen.note(
            f"[kill -9 of process {stage.polaris.process.pid}: API, worker and engine]"
        )
        await stage.polaris.kill()
        killed_at = monotonic()
        await stage.start_again()
        stage.screen.note("[started again; the run goes on by itself]")
        resumed_at, ended = await stage.resume(answer)
    stage.screen.end_of_text()
    message = await stage.expect(ended, "completed")
    stage.figures["resume_ms"] = ms(killed_at, resumed_at)
    stage.figures["lost_chars"] = _lost(stage, ended, message["content"])
    await _count(stage)


def _lost(stage: Stage, ended: Ended, stored: str) -> int:
    """Characters that the reader saw, or the script says, and the stored answer does not hold.

    The stored one may go on: with a note on why an answer is short, which is not streamed.
    """
    lost = _missing(ended.shown.text, stored)
    if stage.is_scripted:
        rules = json.loads(SCENARIO.read_text())["rules"]
        said = [r["reply"]["text"] for r in rules if r["name"].startswith("changelog")]
        lost = max(lost, _missing("\n\n".join(said), stored))
    return lost


def _missing(text: str, stored: str) -> int:
    return len(text) - len(common_start(text, stored))


async def _count(stage: Stage) -> None:
    """Look at everything that was stored for an effect that happened twice."""
    messages = await stage.api.messages(stage.conversation_id)
    roles = Counter(message["role"] for message in messages)
    calls = [
        (message["messageId"], call["id"])
        for message in messages
        for call in (await stage.api.message(message["messageId"])).get("toolCalls", [])
    ]
    texts = [message["content"] for message in messages if message["role"] == "user"]
    files = await stage.api.read_files(stage.project_id)
    entry = b"`split` loses no cent any more"
    twice = (
        abs(roles["user"] - stage.asked)
        + abs(roles["assistant"] - stage.asked)
        + len(calls)
        - len(set(calls))
        + len(texts)
        - len(set(texts))
    )
    if stage.is_scripted:
        twice += abs(files.get("CHANGELOG.md", b"").count(entry) - 1)
    stage.figures["duplicate_effects"] = twice
    if twice or stage.figures["lost_chars"]:
        raise DemoFailed(f"something was lost or done twice: {stage.figures}")
