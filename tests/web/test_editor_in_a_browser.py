"""The editor in Chromium: a language server, the search, and a scripted model's suggestions."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.support.product import Program, disposable
from tests.web.people import bears_a_kill, plays, scripted, settings
from tools.sandbox.sandbox import Sandbox

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
    with (
        scripted(RULES, tmp_path) as model_url,
        disposable(["dev"], folder=tmp_path, env=settings(model_url)) as program,
    ):
        make_project(program, FILES)
        plays("editing.ts", program.ready["web"], tmp_path, provoked=[OF_A_BAD_PATTERN])


BROKEN = [{"name": "broken", "command": ["false"], "languages": {".broken": "broken"}}]


@pytest.mark.timeout(240)
@pytest.mark.thorough
def test_the_editor_bears_a_killed_server_a_broken_one_and_no_model(tmp_path: Path) -> None:
    table = tmp_path / "servers.json"
    table.write_text(json.dumps(BROKEN))
    wide = f"export const wide = '{'x' * 250_000}';\n"

    def env_on(port: int) -> dict[str, str]:
        return settings(port=port, POLARIS_LANGUAGE_SERVERS=str(table))

    def prepare(program: Program) -> None:
        make_project(program, FILES | {"a.broken": "words\n", "wide.ts": wide})

    provoked = [OF_A_BAD_PATTERN]  # nothing can be rewritten without a model
    bears_a_kill("editing-again.ts", tmp_path, env_on, prepare=prepare, provoked=provoked)
