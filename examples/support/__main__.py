"""`python -m examples.support FOLDER --model URL`: deals with the messages of `inbox.json` there.

Each message has an id, and so has each decision of `decisions.json`: whatever this program was
doing when it was killed, starting it again goes on, and nothing is done twice. It ends when every
run has.
"""

import argparse
import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

from engine import Engine, Event
from examples.support.desk import HelpDesk, Pace, SupportAgent
from examples.support.events import ApprovalDecided, InboundReceived
from examples.support.workflow import JOBS
from llm.anthropic_messages import AnthropicModel
from llm.providers import ANTHROPIC

LOOK_S = 0.05
SHOWN = 200


async def main(folder: Path, *, url: str, key: str, pace: Pace) -> None:
    """Send what is in the inbox, decide what is asked, and wait until nothing runs any more."""
    desk = HelpDesk(folder / "desk")
    async with (
        AnthropicModel("claude-opus-5-5", api_key=key, provider=ANTHROPIC.at(url)) as model,
        Engine(
            jobs=JOBS,
            database=f"sqlite:///{folder}/engine.db",
            provide=[desk, SupportAgent(model), pace],
            grace_s=1,
        ) as engine,
    ):
        inbox = json.loads((folder / "inbox.json").read_text())
        decisions: Mapping[str, bool] = json.loads((folder / "decisions.json").read_text())
        for message in inbox:
            event_id = message["messageId"]
            await engine.send(Event(InboundReceived.event_name, message, id=event_id))
        while not await _is_over(engine):
            await _decide(engine, desk, decisions)
            await asyncio.sleep(LOOK_S)


async def _is_over(engine: Engine) -> bool:
    return all(run.has_ended for run in await engine.runs(limit=SHOWN))


async def _decide(engine: Engine, desk: HelpDesk, decisions: Mapping[str, bool]) -> None:
    """What a person would do at a desk: answer each request that there is an answer for."""
    records = await asyncio.to_thread(desk.records)
    for action_id, is_approved in decisions.items():
        if f"{action_id}-asked" in records:
            decided = ApprovalDecided(action_id=action_id, approved=is_approved)
            await engine.send(decided, event_id=f"{action_id}-decided")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A support desk.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", required=True, help="address of the Anthropic Messages API")
    parser.add_argument("--key", default="sk-none")
    parser.add_argument("--decide-within", default="24h")
    parser.add_argument("--send-after", default="5m")
    given = parser.parse_args()
    pace = Pace(decide_within=given.decide_within, send_after=given.send_after)
    asyncio.run(main(given.folder, url=given.model, key=given.key, pace=pace))
