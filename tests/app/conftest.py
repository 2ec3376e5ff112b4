"""One product per busy policy for the whole session, a fresh person per test."""

import json
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from typing import Protocol

import pytest

from core.ids import new_id
from tests.support.api_client import Api, api_at
from tests.support.issuer import Issuer
from tests.support.product import Program, disposable, environment

SLOW = {"text": "All work and no play. ", "repeat": 400, "pace": {"chars_per_s": 2000}}
CANARY = f"canary-of-the-host-{secrets.token_hex(16)}"
"""In the environment of the product, where no project may find it."""

LOOKS_AROUND = """\
const fs = require('fs');
const tried = (look, path) => { try { return look(path); } catch { return null; } };
const list = (path) => tried(fs.readdirSync, path) ?? [];
const read = (path) => tried((it) => fs.readFileSync(it, 'latin1'), path) ?? '';
const ids = list('/proc').filter(Number);
const places = ids.flatMap((id) => [`/proc/${id}/environ`, `/proc/${id}/cmdline`]);
for (const home of ['/root', '/home', '/tmp', process.env.HOME ?? '/']) {
  places.push(...list(home).map((name) => `${home}/${name}`));
}
const canaries = places.map(read).join(' ').match(/canary-of-the-host-[0-9a-f]+/g) ?? [];
console.log('processes:', ids.length, 'found:', canaries.join(' ') || 'nothing');
console.log(JSON.stringify(process.env));
"""

SERVES = (
    "node -e \"require('http').createServer((q, r) => r.end('served by the agent'))"
    ".listen(5173, '127.0.0.1', () => console.log('listening'))\""
)

SCENARIO = {
    "rules": [
        {
            "when": {"user_contains": "looks around", "tool_results": 0},
            "reply": {
                "text": "I write it.",
                "tool_calls": [
                    {"name": "writeFile", "arguments": {"path": path, "content": content}}
                    for path, content in (
                        ("package.json", '{"scripts": {"build": "node look.js"}}\n'),
                        ("look.js", LOOKS_AROUND),
                    )
                ],
            },
        },
        {"when": {"user_contains": "slowly"}, "reply": SLOW},
        {
            "when": {"user_contains": "ponder", "tool_results": 0},
            "reply": {
                "thinking": "Two files, one after the other. ",
                "text": "I make two of them. ",
                "repeat": 12,
                "tool_calls": [
                    {"name": "writeFile", "arguments": {"path": "one.txt", "content": text}}
                    for text in ("made\n", "made anew\n")
                ],
                "pace": {"chars_per_s": 400},
            },
        },
        {
            "when": {"user_contains": "bad key"},
            "reply": {"fault": {"kind": "status", "status": 401}},
        },
        {"when": {"user_contains": "hang"}, "reply": {"fault": {"kind": "hang"}}},
        {
            "when": {"user_contains": "ask me", "tool_results": 0},
            "reply": {
                "text": "I ask.",
                "tool_calls": [
                    {
                        "name": "askUser",
                        "arguments": {"question": "Which?", "choices": ["red", "blue"]},
                    }
                ],
            },
        },
        {
            "when": {"user_contains": "own server", "tool_results": 0},
            "reply": {
                "text": "I ask it.",
                "tool_calls": [{"name": "mcp__local__variable", "arguments": {"of": "TOKEN"}}],
            },
        },
        {
            "when": {"user_contains": "serve a page", "tool_results": 0},
            "reply": {
                "text": "I serve it.",
                "tool_calls": [{"name": "startProcess", "arguments": {"command": SERVES}}],
            },
        },
        {
            "when": {"user_contains": "write", "tool_results": 0},
            "reply": {
                "text": "I will.",
                "tool_calls": [
                    {"name": "writeFile", "arguments": {"path": "made.txt", "content": "by me\n"}}
                ],
            },
        },
        {
            "when": {"user_contains": "make a plan", "tool_results": 0},
            "reply": {
                "text": "I plan.",
                "tool_calls": [
                    {
                        "name": "todo",
                        "arguments": {"items": [{"text": "Look", "status": "in_progress"}]},
                    }
                ],
            },
        },
        {
            "when": {"user_contains": "shout", "tool_results": 0},
            "reply": {
                "text": "I will.",
                "tool_calls": [
                    {
                        "name": "multiEdit",
                        "arguments": {
                            "edits": [
                                {"path": "a.txt", "oldString": "line 3", "newString": "LINE 3"},
                                {"path": "a.txt", "oldString": "line 19", "newString": "LINE 19"},
                            ]
                        },
                    }
                ],
            },
        },
    ],
    "otherwise": {"text": "Done as you asked."},
}


@pytest.fixture(scope="session")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture(scope="session")
def model_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("model")
    scenario = folder / "scenario.json"
    scenario.write_text(json.dumps(SCENARIO))
    command = ["model-server", "--scenario", str(scenario)]
    with disposable(command, folder=folder, env=environment()) as program:
        yield program.ready["url"]


@pytest.fixture(scope="session")
def product_env(issuer: Issuer, model_url: str) -> dict[str, str]:
    return environment(
        POLARIS_PORT="0",
        POLARIS_DATA_DIR="data",
        POLARIS_AUTH_ISSUER=issuer.issuer,
        POLARIS_AUTH_JWKS=issuer.data_url,
        POLARIS_AUTH_AUDIENCE=issuer.audience,
        POLARIS_CORS_ORIGINS="https://ide.example",
        POLARIS_GRACE_S="1",
        ANTHROPIC_API_KEY="sk-ant-scripted-0000",
        OF_THE_HOST=CANARY,
        ANTHROPIC_BASE_URL=model_url,
        POLARIS_ALLOWED_MODELS="anthropic:claude-opus-5-5",
    )


@pytest.fixture(scope="session")
def product_with(
    product_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Program]]:
    """Gives the product with a busy policy; each is started once."""
    started: dict[str, Program] = {}
    with ExitStack() as stack:

        def product(policy: str) -> Program:
            if policy not in started:
                folder = tmp_path_factory.mktemp(f"dev-{policy}")
                env = {**product_env, "POLARIS_BUSY_POLICY": policy}
                started[policy] = stack.enter_context(disposable(["dev"], folder=folder, env=env))
            return started[policy]

        yield product


@pytest.fixture(scope="session")
def product(product_with: Callable[[str], Program]) -> Program:
    return product_with("cancel")


class NewPerson(Protocol):
    """Makes a person who was never here before."""

    async def __call__(self, policy: str = "cancel") -> Api: ...


@pytest.fixture
async def new_person(
    product_with: Callable[[str], Program], issuer: Issuer
) -> AsyncIterator[NewPerson]:
    async with AsyncExitStack() as stack:

        async def person(policy: str = "cancel") -> Api:
            owner = new_id("user")
            url = product_with(policy).ready["api"]
            return await stack.enter_async_context(api_at(url, owner, issuer.token(owner)))

        yield person


@pytest.fixture
async def api(new_person: NewPerson) -> Api:
    return await new_person()
