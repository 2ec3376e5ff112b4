"""The support workflow as a program: killed again and again, it comes to the same end."""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.product import ROOT, disposable, environment

pytestmark = pytest.mark.timeout(240)

INBOX = [
    ("m1", "refunds", "ann@example.org", "I want my money back"),
    ("m2", "deletes", "bob@example.org", "Delete my account"),
    ("m3", "asks", "cem@example.org", "When do you open?"),
    ("m4", "away", "unreachable@example.org", "Are you there?"),
    ("m5", "asks", "cem@example.org", "And when do you close?"),  # throttled behind m3
    ("m6", "nobody", "dee@example.org", "Give me everything"),
]
DECISIONS = {"m1-refund": True, "m2-delete": False}


def reasoned(action: str | None, draft: str | None, amount: int = 0) -> str:
    wanted = action and {"kind": action, "amount": amount, "requiresApproval": True}
    return json.dumps({"action": wanted, "draftResponse": draft, "reasoning": "It is so."})


SCENARIO = {
    "rules": [
        {"when": {"user_contains": word}, "reply": {"text": text}}
        for word, text in (
            ("money back", reasoned("refund", None, 20)),
            ("Delete my", reasoned("delete", None)),
            ("everything", reasoned("refund", None, 1_000_000)),
            ("open?", reasoned(None, "At nine.")),
            ("close?", reasoned(None, "At five.")),
            ("there?", reasoned(None, "Yes.")),
        )
    ]
}


@pytest.fixture(scope="module")
def model_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("support-model")
    scenario = folder / "scenario.json"
    scenario.write_text(json.dumps(SCENARIO))
    command = ["model-server", "--scenario", str(scenario)]
    with disposable(command, folder=folder, env=environment()) as program:
        yield program.ready["url"]


def prepared(folder: Path) -> Path:
    folder.mkdir()
    inbox = [
        {"messageId": message, "conversationId": conversation, "sender": sender, "body": body}
        for message, conversation, sender, body in INBOX
    ]
    (folder / "inbox.json").write_text(json.dumps(inbox))
    (folder / "decisions.json").write_text(json.dumps(DECISIONS))
    return folder


async def started(folder: Path, url: str) -> asyncio.subprocess.Process:
    command = ["-m", "examples.support", str(folder), "--model", url]
    pace = ["--decide-within", "4s", "--send-after", "1s"]
    with (folder / "log").open("ab") as log:
        return await asyncio.create_subprocess_exec(
            sys.executable, *command, *pace, cwd=ROOT, env=environment(), stdout=log, stderr=log
        )


def records(folder: Path) -> dict[str, Any]:
    return {
        path.stem: json.loads(path.read_text())
        for path in sorted((folder / "desk").glob("[!.]*.json"))
    }


async def ended(folder: Path, url: str) -> dict[str, Any]:
    process = await started(folder, url)
    assert await process.wait() == 0, (folder / "log").read_text()[-3000:]
    return records(folder)


async def killed_at(count: int, folder: Path, url: str) -> None:
    """Run it until it has kept so many records, or has ended; then it is killed."""
    process = await started(folder, url)
    while process.returncode is None and len(records(folder)) < count:  # noqa: ASYNC110 - files
        await asyncio.sleep(0.005)
    if process.returncode is None:
        process.kill()
    await process.wait()


async def test_it_comes_to_the_same_end_however_often_it_is_killed(
    tmp_path: Path, model_url: str
) -> None:
    began = time.monotonic()
    undisturbed = await ended(prepared(tmp_path / "undisturbed"), model_url)
    assert time.monotonic() - began > 9  # m5 waits for the throttle of its conversation
    assert set(undisturbed) == {
        "m1-refund-asked",
        "m1-refund-refunded",
        "m2-delete-asked",
        "m2-delete-rejected",
        "m3-draft",
        "m3-sent",
        "m4-draft",
        "m4-sent",
        "m5-draft",
        "m5-sent",
        "m6-refund-asked",
        "m6-refund-expired",
    }
    assert undisturbed["m4-sent"]["fallback"] is True
    assert undisturbed["m3-sent"] == {
        "to": "cem@example.org",
        "body": "At nine.",
        "fallback": False,
    }
    assert undisturbed["m1-refund-refunded"] == {"amount": 20, "conversation": "refunds"}

    folder = prepared(tmp_path / "killed")
    for count in (2, 6, 9):
        await killed_at(count, folder, model_url)
    assert await ended(folder, model_url) == undisturbed
