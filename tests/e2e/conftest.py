"""A product of its own for tests that break parts of it."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psutil
import pytest

from tests.support.api_client import Api, api_at
from tests.support.product import Program, environment, running

NUMBERED = "".join(f"Sentence {number} says something new. " for number in range(120)).strip()


def reply(text: str = "", **more: Any) -> dict[str, Any]:
    return {"text": text, **more}


def fault(kind: str, **more: Any) -> dict[str, Any]:
    return {"fault": {"kind": kind, **more}}


SCENARIO = {
    "rules": [
        {
            "name": "long",
            "when": {"user_contains": "long"},
            "reply": reply(NUMBERED, pace={"chars_per_s": 800, "chunk_chars": 8}),
        },
        {
            "name": "rate limited once",
            "when": {"user_contains": "busy"},
            "times": 1,
            "reply": fault("status", status=429, retry_after_s=0.2),
        },
        {
            "name": "limited for seconds, once",
            "when": {"user_contains": "limited"},
            "times": 1,
            "reply": fault("status", status=429, retry_after_s=6),
        },
        {
            "name": "limited for an hour",
            "when": {"user_contains": "an hour"},
            "reply": fault("status", status=429, retry_after_s=3600),
        },
        {
            "name": "overloaded once",
            "when": {"user_contains": "overloaded"},
            "times": 1,
            "reply": fault("status", status=529),
        },
        {
            "name": "breaks off once",
            "when": {"user_contains": "breaks"},
            "times": 1,
            "reply": reply(NUMBERED, **fault("error_event", after_chars=200)),
        },
        {
            "name": "socket dropped once",
            "when": {"user_contains": "dropped"},
            "times": 1,
            "reply": reply(NUMBERED, **fault("drop", after_chars=200)),
        },
        {
            "name": "ends early once",
            "when": {"user_contains": "early"},
            "times": 1,
            "reply": reply(NUMBERED, **fault("early_end", after_chars=200)),
        },
        {
            "name": "a bad key",
            "when": {"user_contains": "key"},
            "reply": fault("status", status=401),
        },
        {
            "name": "nonsense",
            "when": {"user_contains": "rejected"},
            "reply": fault("status", status=400, message="messages: bad"),
        },
        {
            "name": "hangs",
            "when": {"user_contains": "hangs"},
            "reply": reply(NUMBERED, **fault("hang", after_chars=100)),
        },
        {
            "name": "fills the disk",
            "when": {"user_contains": "fill", "tool_results": 0},
            "reply": reply(
                "I write a lot.",
                tool_calls=[
                    {"name": "writeFile", "arguments": {"path": "big.txt", "content": "x" * 9000}}
                ],
            ),
        },
    ],
    "otherwise": reply("All is well."),
}


@dataclass(frozen=True)
class Broken:
    """A running product and its model."""

    program: Program
    model: Program

    @property
    def convex(self) -> psutil.Process:
        """The embedded Convex under it."""
        children = psutil.Process(self.program.process.pid).children(recursive=True)
        return next(child for child in children if "main.ts" in " ".join(child.cmdline()))


class StartProduct(Protocol):
    """Starts a product with more settings, stopped after the test."""

    def __call__(self, **settings: str) -> Broken: ...


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    folder = tmp_path_factory.mktemp("model")
    scenario = folder / "scenario.json"
    scenario.write_text(json.dumps(SCENARIO))
    command = ["model-server", "--scenario", str(scenario)]
    with running(command, folder=folder, env=environment()) as program:
        yield program


@pytest.fixture
def start_product(model: Program, tmp_path: Path) -> Iterator[StartProduct]:
    with ExitStack() as stack:

        def start(**settings: str) -> Broken:
            env = environment(
                **{
                    "POLARIS_PORT": "0",
                    "POLARIS_DATA_DIR": "data",
                    "ANTHROPIC_API_KEY": "sk-ant-scripted",
                    "ANTHROPIC_BASE_URL": model.ready["url"],
                    **settings,
                }
            )
            program = stack.enter_context(running(["dev"], folder=tmp_path, env=env))
            return Broken(program, model)

        yield start


@pytest.fixture(scope="session")
def product(model: Program, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broken]:
    """One product for the tests that leave it whole."""
    env = environment(
        POLARIS_PORT="0",
        POLARIS_DATA_DIR="data",
        ANTHROPIC_API_KEY="sk-ant-scripted",
        ANTHROPIC_BASE_URL=model.ready["url"],
    )
    folder = tmp_path_factory.mktemp("product")
    with running(["dev"], folder=folder, env=env) as program:
        yield Broken(program, model)


class As(Protocol):
    """A client of a product, as its local user."""

    async def __call__(self, product: Broken) -> Api: ...


@pytest.fixture
async def client_of() -> AsyncIterator[Callable[[Broken], Any]]:
    async with AsyncExitStack() as stack:

        async def client(product: Broken) -> Api:
            ready = product.program.ready
            return await stack.enter_async_context(api_at(ready["api"], "local", ready["token"]))

        yield client
