"""The page in Chromium, on `polaris dev` and a scripted model; what people do is TypeScript."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from tests.support.product import disposable
from tests.web.people import OF_A_STRANGER, bears_a_kill, plays, scripted, settings

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


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "script", ["person.ts", pytest.param("ways.ts", marks=pytest.mark.thorough)]
)
def test_a_person_finds_everything_working(script: str, tmp_path: Path, model_url: str) -> None:
    archive(tmp_path)
    with disposable(["dev"], folder=tmp_path, env=settings(model_url)) as program:
        seen = plays(script, program.ready["web"], tmp_path)
    assert not seen["isTokenShown"]


@pytest.mark.timeout(240)
@pytest.mark.thorough
def test_the_page_bears_scripts_reloads_strangers_and_a_killed_server(
    tmp_path: Path, model_url: str
) -> None:
    def env_on(port: int) -> dict[str, str]:
        return settings(model_url, port=port)

    bears_a_kill("trials.ts", tmp_path, env_on, provoked=OF_A_STRANGER)
