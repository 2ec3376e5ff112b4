"""The editor in Chromium: a language server, the search, and a scripted model's suggestions."""

import json
import subprocess
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from core.node import NODE
from tests.support.product import ROOT, Program, disposable, environment
from tools.sandbox.sandbox import Sandbox

SCRIPT = ROOT / "tests" / "support" / "browser" / "editing.ts"
OF_A_BAD_PATTERN = "400 (Bad Request)"
FILES = {
    "tsconfig.json": '{"compilerOptions":{"strict":true,"moduleResolution":"bundler"}}',
    "src/math.ts": '/** The sum of **both**. <img src="x"> */\n'
    "export function add(a: number, b: number): number {\n  return a + b;\n}\n",
    "src/use.ts": 'import { add } from "./math";\n\nexport const total: number = add(1, "2");\n',
    "long.ts": f"export const long = '{'x' * 1_000_000}';\n",
}
RULES: tuple[dict[str, Any], ...] = (
    {
        "when": {"system_contains": "You complete code in an editor"},
        "reply": {"text": "half = total / 2;"},
    },
    {
        "when": {"system_contains": "You change a selected part"},
        "reply": {"text": "export const sum: number = add(1, 2);"},
    },
    {"reply": {"text": "Done with it."}},
)


@pytest.fixture(autouse=True)
async def needs_a_sandbox() -> None:
    async with Sandbox() as sandbox:
        if sandbox.kind is None:
            pytest.skip("this machine has no user namespaces and no Landlock")


def ask(program: Program, method: str, path: str, body: dict[str, str]) -> Any:
    headers = {
        "Authorization": f"Bearer {program.ready['token']}",
        "Content-Type": "application/json",
    }
    data = json.dumps(body).encode()
    url = f"{program.ready['api']}/api{path}"
    request = Request(url, data, headers, method=method)  # noqa: S310 - our own server
    with urlopen(request, timeout=30) as answer:  # noqa: S310
        return json.load(answer)


@pytest.mark.timeout(240)
def test_a_person_edits_with_a_language_server_a_search_and_a_model(tmp_path: Path) -> None:
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
            project_id = ask(program, "POST", "/projects", {"name": "Sums"})["projectId"]
            for path, content in FILES.items():
                ask(program, "PUT", f"/projects/{project_id}/files/{path}", {"content": content})
            done = subprocess.run(  # noqa: S603 - our own script
                [NODE, SCRIPT, program.ready["web"], tmp_path],
                capture_output=True,
                check=False,
                text=True,
                timeout=200,
            )
    assert done.returncode == 0, done.stderr[-3000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    strange = [text for text in seen["complaints"] if OF_A_BAD_PATTERN not in text]
    assert not strange, "\n".join(strange)
    assert not seen["violations"], "\n".join(seen["violations"])
