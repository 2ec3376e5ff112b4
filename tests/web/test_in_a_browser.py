"""The page in Chromium, on `polaris dev` and a scripted model; what people do is TypeScript."""

import json
import subprocess
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zipfile import ZipFile

import pytest

from core.node import NODE
from tests.support.product import ROOT, disposable, environment, start

PEOPLE = ROOT / "tests" / "support" / "browser"
GREETING = "export function greeting(name: string): string {\n  return `Hello, ${name}!`;\n}\n"
EVIL = "<img src=x onerror=globalThis.ran=1><script>globalThis.ran=1</script>"
RULES: tuple[dict[str, Any], ...] = (
    {
        "when": {"user_contains": "short story"},
        "reply": {
            "text": "There was a bicycle. " * 100 + "That is the end of the story.",
            "pace": {"chars_per_s": 300},
        },
    },
    {
        "when": {"user_contains": "repeat <img", "tool_results": 0},
        "reply": {
            "thinking": EVIL,
            "text": f"{EVIL}\n\n[a link that runs](javascript:globalThis.ran=1)\n\n"
            f"```html\n{EVIL}\n```\n",
            "tool_calls": [{"name": "writeFile", "arguments": {"path": "x.html", "content": EVIL}}],
        },
    },
    {
        "when": {"user_contains": "long story"},
        "reply": {
            "text": "Once upon a time there was a shop. ",
            "repeat": 2000,
            "pace": {"chars_per_s": 300},
        },
    },
    {
        "when": {"user_contains": "ask me", "tool_results": 0},
        "reply": {
            "tool_calls": [
                {
                    "name": "askUser",
                    "arguments": {"question": "Which **colour**?", "choices": ["red", "blue"]},
                }
            ]
        },
    },
    {
        "when": {"user_contains": "ask me"},
        "reply": {"text": "Then it is blue."},
    },
    {
        "when": {"tool_choice": "tool", "tool_results": 0},
        "reply": {
            "tool_calls": [
                {"name": "writeFile", "arguments": {"path": "notes.md", "content": "# Notes\n"}}
            ]
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


@contextmanager
def scripted(rules: Sequence[Mapping[str, Any]], folder: Path) -> Generator[str]:
    """The address of a scripted model that plays these."""
    scenario = folder / "scenario.json"
    scenario.write_text(json.dumps({"rules": rules}))
    command = ["model-server", "--scenario", str(scenario)]
    with disposable(command, folder=folder, env=environment()) as program:
        yield program.ready["url"]


@pytest.fixture
def model_url(tmp_path: Path) -> Iterator[str]:
    """A scripted model that plays `RULES`."""
    with scripted(RULES, tmp_path) as url:
        yield url


def archive(folder: Path) -> None:
    """What a person imports: files, and one that leads out and is left out."""
    with ZipFile(folder / "shop.zip", "w") as made:
        made.writestr("shop/index.ts", "export const shop = 1;\n")
        made.writestr("shop/README.md", "# Shop\n")
        made.writestr("../outside.txt", "no")


def settings(model_url: str, *, port: int = 0) -> dict[str, str]:
    return environment(
        POLARIS_PORT=str(port),
        POLARIS_DATA_DIR="data",
        ANTHROPIC_API_KEY="sk-ant-scripted-0000",
        ANTHROPIC_BASE_URL=model_url,
    )


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "script", ["person.ts", pytest.param("ways.ts", marks=pytest.mark.thorough)]
)
def test_a_person_finds_everything_working(script: str, tmp_path: Path, model_url: str) -> None:
    archive(tmp_path)
    finds_everything_working(script, tmp_path, model_url)


OF_A_REFUSAL = ("[CONVEX M(", '"kind":"refused"', "400 (Bad Request)")


@pytest.mark.timeout(240)
def test_a_person_changes_the_settings_of_a_project(tmp_path: Path, model_url: str) -> None:
    finds_everything_working("settings.ts", tmp_path, model_url, known=OF_A_REFUSAL)


def finds_everything_working(
    script: str, folder: Path, model_url: str, *, known: Sequence[str] = ()
) -> None:
    """The script ends well; the browser complains of nothing but what has one of `known` in it."""
    env = settings(model_url)
    with disposable(["dev"], folder=folder, env=env) as program:
        done = subprocess.run(  # noqa: S603 - our own script
            [NODE, PEOPLE / script, program.ready["web"], folder],
            capture_output=True,
            check=False,
            text=True,
            timeout=200,
        )
    assert done.returncode == 0, done.stderr[-3000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    strange = [text for text in seen["complaints"] if not any(part in text for part in known)]
    assert not strange, "\n".join(strange)
    assert not seen["violations"], "\n".join(seen["violations"])
    assert not seen["isTokenShown"]


OF_A_DEATH = ("WebSocket", "ERR_CONNECTION_REFUSED", "502", "503")
OF_A_STRANGER = ("[CONVEX Q(", "ArgumentValidationError")


@pytest.mark.timeout(240)
@pytest.mark.thorough
def test_the_page_bears_scripts_reloads_strangers_and_a_killed_server(
    tmp_path: Path, model_url: str
) -> None:
    bears_a_kill("trials.ts", tmp_path, model_url)


def bears_a_kill(script: str, folder: Path, model_url: str, *, asked_for: str = "\0") -> None:
    """The script finds everything working, though the server is killed when it says so.

    The browser may complain of the kill, of strangers' things, and of what has `asked_for` in it.
    """
    program = start(["dev"], folder=folder, env=settings(model_url))
    port = urlsplit(str(program.ready["api"])).port or 0
    command = [NODE, PEOPLE / script, program.ready["web"], folder]
    log = folder / "trials.log"
    with (
        log.open("wb") as sink,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=sink, text=True) as person,  # noqa: S603
    ):
        assert person.stdout is not None
        said = [person.stdout.readline().strip()]
        try:
            if said == ["kill"]:
                program.kill()
                (folder / "killed").touch()
                program = start(["dev"], folder=folder, env=settings(model_url, port=port))
                said += person.stdout.read().splitlines()
        finally:
            person.wait(10)
            program.kill()
    assert person.returncode == 0, log.read_text()[-3000:]
    seen = json.loads(said[-1])
    known = (*OF_A_DEATH, *OF_A_STRANGER, asked_for)
    strange = [text for text in seen["complaints"] if not any(part in text for part in known)]
    assert not strange, "\n".join(strange)
    assert not seen["violations"], "\n".join(seen["violations"])
