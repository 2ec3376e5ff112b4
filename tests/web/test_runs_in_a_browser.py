"""The dashboard of runs in Chromium, on `polaris dev` and a scripted model."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.product import disposable
from tests.web.people import plays, scripted, settings

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
@pytest.mark.parametrize(
    "script", ["runs.ts", pytest.param("events.ts", marks=pytest.mark.thorough)]
)
def test_an_engineer_sees_and_does_everything(script: str, tmp_path: Path) -> None:
    with (
        scripted(RULES, tmp_path) as model_url,
        disposable(["dev"], folder=tmp_path, env=settings(model_url)) as program,
    ):
        plays(script, program.ready["web"], tmp_path, provoked=REFUSED)
