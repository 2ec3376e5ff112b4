"""The dashboard of runs in Chromium, on `polaris dev` and a scripted model."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from core.node import NODE
from tests.support.product import ROOT, disposable, environment

PEOPLE = ROOT / "tests" / "support" / "browser"
REFUSED = (
    "status of 400",
    "status of 503",
)  # what the scripts provoke, in the words of the browser
LOOK = "Look around and say what there is."
RULES: tuple[dict[str, Any], ...] = (
    {
        "when": {"user_contains": "take your time"},
        "times": 1,
        "reply": {"fault": {"kind": "status", "status": 529, "retry_after_s": 90}},
    },
    {
        "when": {"user_contains": "not at all"},
        "reply": {"fault": {"kind": "status", "status": 402}},
    },
    {
        "when": {"user_contains": "hand it on", "tool_results": 0},
        "reply": {
            "tool_calls": [
                {"name": "task", "arguments": {"description": "Look around", "prompt": LOOK}},
                {"name": "writeFile", "arguments": {"path": "a.txt", "content": "a"}},
            ]
        },
    },
    {
        "when": {"user_contains": "ask me", "tool_results": 0},
        "reply": {"tool_calls": [{"name": "askUser", "arguments": {"question": "Which colour?"}}]},
    },
    {"reply": {"text": "Done with it."}},
)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("script", ["runs.ts", "events.ts"])
def test_an_engineer_sees_and_does_everything(script: str, tmp_path: Path) -> None:
    scenario = tmp_path / "scenario.json"
    scenario.write_text(json.dumps({"rules": RULES}))
    model = ["model-server", "--scenario", str(scenario)]
    with disposable(model, folder=tmp_path, env=environment()) as scripted:
        env = environment(
            POLARIS_PORT="0",
            POLARIS_DATA_DIR="data",
            ANTHROPIC_API_KEY="sk-ant-scripted-0000",
            ANTHROPIC_BASE_URL=scripted.ready["url"],
        )
        with disposable(["dev"], folder=tmp_path, env=env) as program:
            done = subprocess.run(  # noqa: S603 - our own script
                [NODE, PEOPLE / script, program.ready["web"], tmp_path],
                capture_output=True,
                check=False,
                text=True,
                timeout=200,
            )
    assert done.returncode == 0, done.stderr[-3000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    strange = [text for text in seen["complaints"] if not any(code in text for code in REFUSED)]
    assert not strange, "\n".join(strange)
    assert not seen["violations"], "\n".join(seen["violations"])
