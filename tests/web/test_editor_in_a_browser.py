"""The editor in Chromium: a language server, the search, and a scripted model's suggestions."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from core.node import NODE
from tests.support.product import ROOT, Program, disposable, environment, start
from tools.sandbox.sandbox import Sandbox

PEOPLE = ROOT / "tests" / "support" / "browser"
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


def make_project(program: Program, files: Mapping[str, str]) -> None:
    folder = f"/projects/{ask(program, 'POST', '/projects', {'name': 'Sums'})['projectId']}/files"
    for path, content in files.items():
        ask(program, "PUT", f"{folder}/{path}", {"content": content})
    ask(program, "PUT", f"{folder}/raw.bin", {"contentBase64": "AP8="})


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
            make_project(program, FILES)
            done = subprocess.run(  # noqa: S603 - our own script
                [NODE, PEOPLE / "editing.ts", program.ready["web"], tmp_path],
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


OF_A_DEATH = ("WebSocket", "ERR_CONNECTION_REFUSED", "502", "503")
BROKEN = [{"name": "broken", "command": ["false"], "languages": {".broken": "broken"}}]


@pytest.mark.timeout(240)
@pytest.mark.thorough
def test_the_editor_bears_a_killed_server_a_broken_one_and_no_model(tmp_path: Path) -> None:
    table = tmp_path / "servers.json"
    table.write_text(json.dumps(BROKEN))

    def again(port: int = 0) -> Program:
        env = environment(
            POLARIS_PORT=str(port),
            POLARIS_DATA_DIR="data",
            POLARIS_LANGUAGE_SERVERS=str(table),
        )
        return start(["dev"], folder=tmp_path, env=env)

    program = again()
    wide = f"export const wide = '{'x' * 250_000}';\n"
    make_project(program, FILES | {"a.broken": "words\n", "wide.ts": wide})
    command = [NODE, PEOPLE / "editing-again.ts", program.ready["web"], tmp_path]
    log = tmp_path / "person.log"
    with (
        log.open("wb") as sink,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=sink, text=True) as person,  # noqa: S603
    ):
        assert person.stdout is not None
        said = [person.stdout.readline().strip()]
        try:
            if said == ["kill"]:
                program.kill()
                program = again(urlsplit(str(program.ready["api"])).port or 0)
                said += person.stdout.read().splitlines()
        finally:
            person.wait(10)
            program.kill()
    assert person.returncode == 0, log.read_text()[-3000:]
    seen = json.loads(said[-1])
    known = (*OF_A_DEATH, OF_A_BAD_PATTERN)  # the latter: nothing can be rewritten without a model
    strange = [text for text in seen["complaints"] if not any(part in text for part in known)]
    assert not strange, "\n".join(strange)
    assert not seen["violations"], "\n".join(seen["violations"])
