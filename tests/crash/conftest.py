"""A product that is killed and started again, and a model that answers the same way each time."""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bench import generate_story
from tests.support.api_client import Api, api_at
from tests.support.product import Program, environment, running, start

SUMMARY = "".join(f"Sentence {number} of the answer says something else. " for number in range(24))
TURNS = ("I look at the files first.", "Now I change the count.", SUMMARY.strip())
WHOLE_ANSWER = "\n\n".join(TURNS)


ASKED = "ask me before you do it"
HANDED = "hand it to somebody"
HANDED_ON = "Change the count and say so."


def rule(
    results: int, text: str, *calls: dict[str, Any], chars_per_s: int, **when: str
) -> dict[str, Any]:
    pace = {"chars_per_s": chars_per_s, "chunk_chars": 6}
    reply = {"text": text, "tool_calls": list(calls), "pace": pace}
    return {"when": {"tool_results": results, **when}, "reply": reply}


def asking(results: int, text: str, *calls: dict[str, Any]) -> dict[str, Any]:
    return rule(results, text, *calls, chars_per_s=2000, user_contains=ASKED)


def handing(results: int, text: str, *calls: dict[str, Any], prompt: str) -> dict[str, Any]:
    return rule(results, text, *calls, chars_per_s=300, user_contains=prompt)


def call(name: str, **arguments: str | list[str]) -> dict[str, Any]:
    return {"name": name, "arguments": arguments}


GENERATED = generate_story.rules(chars_per_s=2000, command_s=0.1)

SCENARIO = {
    "rules": [
        *(each.model_dump(mode="json", exclude_defaults=True) for each in GENERATED),
        asking(0, "I ask.", call("askUser", question="Which name?", choices=["a", "b"])),
        asking(1, "I write.", call("writeFile", path="src/b.txt", content="made once\n")),
        asking(2, "Done."),
        handing(
            0,
            "I have it done.",
            call("task", description="Change the count", prompt=HANDED_ON),
            prompt=HANDED,
        ),
        handing(1, "It is done.", prompt=HANDED),
        handing(
            0,
            TURNS[0],
            call("readFile", path="count.txt"),
            call("writeFile", path="notes/new.txt", content="made once\n"),
            prompt=HANDED_ON,
        ),
        handing(
            2,
            TURNS[1],
            call("editFile", path="count.txt", oldString="count: 0", newString="count: 1"),
            prompt=HANDED_ON,
        ),
        handing(3, "The count is 1.", prompt=HANDED_ON),
        rule(
            0,
            TURNS[0],
            call("readFile", path="count.txt"),
            call("writeFile", path="notes/new.txt", content="made once\n"),
            chars_per_s=100,
        ),
        # an edit that cannot be made twice: its old string is gone after the first time
        rule(
            2,
            TURNS[1],
            call("editFile", path="count.txt", oldString="count: 0", newString="count: 1"),
            chars_per_s=100,
        ),
        rule(3, TURNS[2], chars_per_s=1500),
    ]
}


@dataclass
class Site:
    """Where it happens: one data folder and one model, outliving the product's processes."""

    folder: Path
    model_url: str
    env: dict[str, str]
    program: Program | None = None

    def start(self) -> Program:
        """Start the product, on the ports it had before."""
        ports: list[str] = []
        if self.program is not None:
            before = {name: str(self.program.ready[name]) for name in ("api", "convex")}
            ports = ["--port", before["api"].rpartition(":")[2]]
            ports += ["--convex-port", before["convex"].rpartition(":")[2]]
        self.program = start(["dev", *ports], folder=self.folder, env=self.env)
        return self.program

    def kill(self) -> None:
        """kill -9."""
        assert self.program is not None
        self.program.kill()

    async def asked(self) -> list[dict[str, Any]]:
        """What the model was asked since `forget`."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.model_url}/__scripted/requests") as response,
        ):
            return (await response.json())["requests"]

    async def forget(self) -> None:
        """Clear the model's journal."""
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.model_url}/__scripted/reset"),
        ):
            pass


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("crash")
    scenario = folder / "scenario.json"
    scenario.write_text(json.dumps(SCENARIO))
    command = ["model-server", "--scenario", str(scenario)]
    with running(command, folder=folder, env=environment()) as model:
        env = environment(
            POLARIS_PORT="0",
            POLARIS_DATA_DIR="data",
            ANTHROPIC_API_KEY="sk-ant-scripted",
            ANTHROPIC_BASE_URL=model.ready["url"],
        )
        site = Site(folder, model.ready["url"], env)
        site.start()
        try:
            yield site
        finally:
            if site.program is not None:
                site.program.stop()


@pytest.fixture
async def api(site: Site) -> AsyncIterator[Api]:
    """The local user, on whatever process serves now."""
    await site.forget()
    if site.program is None or site.program.process.poll() is not None:
        site.start()  # the test before left it dead
    assert site.program is not None
    ready = site.program.ready
    async with api_at(ready["api"], "local", ready["token"]) as api:
        yield api
