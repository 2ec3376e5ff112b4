"""A long piece of work ends at the cap of steps, and "continue" goes on with it."""

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.api_client import Api, api_at
from tests.support.product import environment, running

pytestmark = pytest.mark.timeout(180)

TASK = "Build me the shop of the plan."
READS = [[f"src/part{turn}/file{n}.ts" for n in range(5)] for turn in range(10)]
LAST_WORDS = "I reached the limit of steps. The checkout page is left to do."


def work(turn: int) -> dict[str, Any]:
    """Five reads of 6 KB and a write."""
    paths = [{"path": path} for path in READS[turn]]
    written = {"path": f"out/page{turn}.ts", "content": "export {};\n"}
    calls = [{"name": "readFile", "arguments": arguments} for arguments in paths]
    calls.append({"name": "writeFile", "arguments": written})
    return {"when": {}, "times": 1, "reply": {"text": f"Page {turn} now.", "tool_calls": calls}}


SCENARIO = {
    "rules": [
        {"when": {"user_contains": "Write a summary"}, "reply": {"text": "## Goal\nThe shop."}},
        *map(work, range(10)),
        {"when": {"user_contains": "used all the tool calls"}, "reply": {"text": LAST_WORDS}},
        {"when": {"user_contains": "continue"}, "reply": {"text": "I go on."}},
    ]
}


@pytest.mark.parametrize("budget", ["", "12000"], ids=["window", "12k"])
async def test_continue_knows_task_touched_files_and_open_work(tmp_path: Path, budget: str) -> None:
    scenario = tmp_path / "scenario.json"
    scenario.write_text(json.dumps(SCENARIO))
    command = ["model-server", "--scenario", str(scenario)]
    with running(command, folder=tmp_path, env=environment()) as model:
        env = environment(
            POLARIS_PORT="0",
            POLARIS_DATA_DIR="data",
            POLARIS_HISTORY_TOKENS=budget,
            POLARIS_MAX_STEPS="10",
            ANTHROPIC_API_KEY="sk-ant-scripted",
            ANTHROPIC_BASE_URL=model.ready["url"],
        )
        with running(["dev"], folder=tmp_path, env=env) as product:
            ready = product.ready
            async with api_at(ready["api"], "local", ready["token"]) as api:
                is_cut = await long_work_and_on(api)
        request = json.dumps(await last_request(model.ready["url"]))
    assert TASK in request
    assert all(path in request for paths in READS for path in paths)
    assert all(f"out/page{turn}.ts" in request for turn in range(10))
    assert LAST_WORDS in request
    assert ("left out" in request) == is_cut == bool(budget)


async def long_work_and_on(api: Api) -> bool:
    """Whether the last answer says that its model was not told everything."""
    project = await api.project()
    for path in (path for paths in READS for path in paths):
        content = b"const answer = 42;\n" * 320
        await api.ok("PUT", f"/api/projects/{project}/files/{path}", data=content)
    conversation = await api.conversation(project)
    for text, answer in ((TASK, LAST_WORDS), ("continue", "I go on.")):
        sent = await api.send(conversation, text)
        message = await api.until_final(sent["messageId"])
        assert message["status"] == "completed", message
        assert str(message["content"]).endswith(answer)
    return bool(message.get("isHistoryCut"))


async def last_request(url: str) -> Any:
    async with aiohttp.ClientSession() as http, http.get(f"{url}/__scripted/requests") as response:
        return (await response.json())["requests"][-1]["body"]["messages"]
