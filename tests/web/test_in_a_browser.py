"""The page in Chromium, on `polaris dev` and a scripted model: `person.ts` is the person."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.node import NODE
from tests.support.product import ROOT, disposable, environment

SCRIPT = ROOT / "tests" / "support" / "browser" / "person.ts"
GREETING = "export function greeting(name: string): string {\n  return `Hello, ${name}!`;\n}\n"
RULES: tuple[dict[str, Any], ...] = (
    {
        "when": {"user_contains": "long story"},
        "reply": {
            "text": "Once upon a time there was a shop. ",
            "repeat": 2000,
            "pace": {"chars_per_s": 300},
        },
    },
    {
        "when": {"user_contains": "greeting", "tool_results": 0},
        "reply": {
            "thinking": "A file is missing.",
            "text": "I write the **greeting**:\n\n- in `src/greeting.ts`\n",
            "tool_calls": [
                {"name": "writeFile", "arguments": {"path": "src/greeting.ts", "content": GREETING}}
            ],
        },
    },
    {
        "reply": {
            "text": "It is in `src/greeting.ts:1`.\n\n"
            "| call | gives |\n|---|---|\n| `greeting` | Hello |\n\n"
            "```ts\nconst words = greeting('Ada'); // Hello, Ada!\n```\n"
        }
    },
)


@pytest.fixture
def model_url(tmp_path: Path) -> Iterator[str]:
    """A scripted model that plays `RULES`."""
    scenario = tmp_path / "scenario.json"
    scenario.write_text(json.dumps({"rules": RULES}))
    command = ["model-server", "--scenario", str(scenario)]
    with disposable(command, folder=tmp_path, env=environment()) as program:
        yield program.ready["url"]


@pytest.mark.timeout(180)
def test_a_person_sends_sees_the_diff_edits_and_stops(tmp_path: Path, model_url: str) -> None:
    env = environment(
        POLARIS_PORT="0",
        POLARIS_DATA_DIR="data",
        ANTHROPIC_API_KEY="sk-ant-scripted-0000",
        ANTHROPIC_BASE_URL=model_url,
    )
    with disposable(["dev"], folder=tmp_path, env=env) as program:
        done = subprocess.run(  # noqa: S603 - our own script
            [NODE, SCRIPT, program.ready["web"], tmp_path],
            capture_output=True,
            check=False,
            text=True,
            timeout=150,
        )
    assert done.returncode == 0, done.stderr[-3000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    assert not seen["complaints"], "\n".join(seen["complaints"])
    assert not seen["violations"], "\n".join(seen["violations"])
    assert not seen["isTokenShown"]
