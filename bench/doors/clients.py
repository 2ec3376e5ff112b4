"""How many calls of the official SDKs of Inngest and Trigger.dev are answered as they should be."""

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench.figures import say
from bench.product import UNBOUNDED, Product, product
from llm.scripted.scenario import Pace, Reply, Rule, Scenario, When
from tests.support.clients.programs import run_program

NOBODYS = "k" * 32  # a conversation that is not there
SLOWLY = Reply(text="All work and no play. ", repeat=400, pace=Pace(chars_per_s=2_000))
SCENARIO = Scenario(
    name="clients",
    rules=(Rule(when=When(user_contains="slowly"), reply=SLOWLY),),
    otherwise=Reply(text="Done as you asked."),
)
Told = Mapping[str, Any]
Checks = Mapping[str, Callable[[Told], bool]]

INNGEST: Checks = {
    "send one": lambda told: len(told["one"]["ids"]) == 1,
    "send the same id again": lambda told: told["again"] == told["one"],
    "send several": lambda told: len(set(told["several"]["ids"])) == 2,  # noqa: PLR2004 - two
    "send with a wrong key": lambda told: "Event key not found" in told["unknownKey"],
    "send wrong data": lambda told: "conversationId" in told["badData"],
    "send to a stranger's": lambda told: "not found" in told["foreign"].lower(),
    "send a cancel": lambda told: len(told["cancelled"]["ids"]) == 1,
}
PYPI: Checks = {
    "send": lambda told: len(told["ids"]) == 1,
    "send again, send_sync": lambda told: told["ids"] == told["again"] == told["sync"],
    "send with a wrong key": lambda told: "Event key not found" in told["refused"],
}
TRIGGER: Checks = {
    "tasks.trigger": lambda told: bool(told["handle"]),
    "tasks.trigger with the same key": lambda told: told["cached"] == told["handle"],
    "tasks.trigger with a delay": lambda told: told["late"]["status"] == "COMPLETED",
    "tasks.batchTrigger": lambda told: told["batch"]["runCount"] == len(told["inBatch"]),
    "runs.retrieve": lambda told: told["retrieved"]["tags"] == ["one", "two"],
    "runs.poll": lambda told: told["polled"]["isSuccess"],
    "runs.list": lambda told: len(told["tagged"]) == 1 and told["handle"] in told["all"],
    "runs.cancel": lambda told: told["cancelled"]["status"] == "CANCELED",
    "runs.replay": lambda told: told["replayed"]["payload"] == told["retrieved"]["payload"],
    "runs.reschedule": lambda told: told["rescheduled"]["status"] == "DELAYED",
    "schedules.create": lambda told: told["same"]["id"] == told["schedule"]["id"],
    "a schedule's tick": lambda told: bool(told["ticks"]),
    "schedules.list": lambda told: len(told["listed"]["data"]) == 1,
    "schedules.retrieve": lambda told: told["found"]["id"] == told["schedule"]["id"],
    "schedules.update": lambda told: told["updated"]["generator"]["expression"] == "0 1 * * *",
    "schedules.deactivate": lambda told: not told["resting"]["active"],
    "schedules.activate": lambda told: told["active"]["active"],
    "schedules.del": lambda told: told["failures"]["gone"]["status"] == 404,  # noqa: PLR2004
    "refusals": lambda told: all(
        400 <= failure["status"] < 500  # noqa: PLR2004 - the caller must change something
        for failure in told["failures"].values()
    ),
}


async def measure(folder: Path) -> dict[str, float]:
    """`doors.inngest_sdk_calls` and `doors.trigger_sdk_calls`, each beside how many there are."""
    event_key, trigger_key = secrets.token_hex(16), secrets.token_hex(16)
    settings = {"POLARIS_EVENT_KEYS": event_key, "POLARIS_TRIGGER_KEYS": trigger_key, **UNBOUNDED}
    settings["POLARIS_BUSY_POLICY"] = "queue"
    async with product(SCENARIO, folder, settings) as running:
        given = {"url": running.api_url, "eventKey": event_key, "key": trigger_key}
        inngest = await _told("inngest_calls.ts", running, given)
        pypi = await _told("inngest_calls.py", running, given)
        trigger = await _told("trigger_calls.ts", running, given)
    return {
        "doors.inngest_sdk_calls": _right(inngest, INNGEST) + _right(pypi, PYPI),
        "doors.inngest_sdk_calls_of": len(INNGEST) + len(PYPI),
        "doors.trigger_sdk_calls": _right(trigger, TRIGGER),
        "doors.trigger_sdk_calls_of": len(TRIGGER),
    }


async def _told(program: str, running: Product, given: Mapping[str, str]) -> dict[str, Any]:
    """What came of the calls of one program, in a conversation of its own."""
    conversation = await running.api.create_conversation(running.project_id, program)
    more = {"conversationId": conversation, "foreign": NOBODYS}
    return await run_program(program, {**given, **more})


def _right(told: Told, checks: Checks) -> int:
    """How many hold; those that do not are named."""
    wrong = [name for name, holds in checks.items() if not holds(told)]
    for name in wrong:
        say(f"   not answered as it should be: {name}")
    return len(checks) - len(wrong)
