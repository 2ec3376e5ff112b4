"""The runs that are recorded, one of each kind."""

import base64
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from agent import words
from core.ids import RunId
from jobs.events import engine_event
from store.records import ApprovalRule, AskAnswer
from store.records.projects import SettingsChange
from tests.jobs.message.site import Site
from tests.jobs.recording.stage import Play, Scene

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
Rule = dict[str, Any]


def says(text: str, **more: Any) -> Rule:
    """One reply without calls."""
    return {"times": 1, "reply": {"text": text, **more}}


def calls(*wanted: tuple[str, dict[str, Any]], text: str = "", **more: Any) -> Rule:
    """One reply with calls of tools, by name and arguments."""
    made = [{"name": name, "arguments": arguments} for name, arguments in wanted]
    return {"times": 1, "reply": {"text": text, "tool_calls": made, **more}}


def fails(**fault: Any) -> Rule:
    """One reply that goes wrong."""
    return {"times": 1, "reply": {"text": "I shall look at the code first.", "fault": fault}}


READ = ("readFile", {"path": "src/shop.ts"})
EDIT = (
    "editFile",
    {
        "path": "src/shop.ts",
        "oldString": "prices.length",
        "newString": "prices.reduce((sum, price) => sum + price, 0)",
    },
)
DONE = says("`total` adds up the prices now (src/shop.ts:1).")


async def _cancelled(scene: Scene) -> RunId:
    """In the middle of an answer."""
    message_id, run_id = await scene.site.send(scene.engine, "Explain all of it.")
    await scene.reached("first_byte", 2)
    owner = scene.site.owner
    cancelled = await scene.site.store.messages.cancel(message_id, owner=owner)
    for event in cancelled.events:
        await scene.engine.send(engine_event(event))
    await scene.ended(run_id)
    return run_id


def _answered(answer: AskAnswer) -> Callable[[Scene], Awaitable[RunId]]:
    async def run(scene: Scene) -> RunId:
        _, run_id = await scene.site.send(scene.engine, "Make total add up the prices.")
        await scene.reply(answer)
        await scene.ended(run_id)
        return run_id

    return run


async def _steered(scene: Scene) -> RunId:
    """While the first turn is being written."""
    site = scene.site
    _, run_id = await site.send(scene.engine, "Make total add up the prices.")
    await scene.reached("first_byte")
    await site.store.messages.send(
        site.conversation_id, owner=site.owner, content="In French!", policy="steer", key="fr"
    )
    await scene.ended(run_id)
    return run_id


async def _second(scene: Scene) -> RunId:
    await scene.answer()
    return await scene.answer("Why did it count them?")


async def _with_image(scene: Scene) -> RunId:
    site = scene.site
    await site.store.files.write(site.project_id, "logo.png", PNG, owner=site.owner)
    return await scene.answer("What is on the logo?")


async def _read_all(scene: Scene) -> RunId:
    site = scene.site
    pages = {f"docs/{n}.md": f"Page {n} of the manual.\n".encode() * 160 for n in range(PAGES)}
    await site.store.files.write_many(site.project_id, pages, owner=site.owner)
    return await scene.answer("Read the manual.")


async def _killed(scene: Scene) -> RunId:
    """The worker goes while an answer comes; another one takes the run up."""
    _, run_id = await scene.site.send(scene.engine, "Make total add up the prices.")
    await scene.reached("first_byte", 2)
    await scene.restart()
    await scene.ended(run_id)
    return run_id


def _short_memory(site: Site) -> None:
    site.limits = replace(site.limits, history_tokens=3_000, max_turns=50)


def _two_turns(site: Site) -> None:
    site.limits = replace(site.limits, max_turns=2)


ASKS: SettingsChange = {"approvals": (ApprovalRule("editFile", "ask", "src/**"),)}
PAGES = 14
READS = [calls(("readFile", {"path": f"docs/{number}.md"})) for number in range(PAGES)]

PLAYS: dict[str, Play] = {
    "edits": Play((calls(READ, text="I look first."), calls(EDIT), DONE)),
    "edits-openai": Play((calls(READ), calls(EDIT), DONE), models=("openai:gpt-6-sol",)),
    "edits-chat": Play((calls(READ), calls(EDIT), DONE), models=("cerebras:gpt-oss-120b",)),
    "commands": Play(
        (
            calls(("executeCommand", {"command": "cat src/*.ts | wc -l && echo x > made.txt"})),
            calls(("executeCommand", {"command": "exit 3"})),
            says("Three lines; the second command failed with code 3."),
        )
    ),
    "cancel": Play(
        (
            calls(READ),
            {
                "reply": {
                    "text": "It is a long story. " * 9,
                    "fault": {"kind": "hang", "after_chars": 99},
                }
            },
        ),
        run=_cancelled,
    ),
    "compaction": Play(
        (
            {
                "when": {"user_contains": words.CONDENSE[:60]},
                "reply": {"text": "## Decisions\nPrices are in cents."},
            },
            *READS,
            says("All of it is read."),
        ),
        run=_read_all,
        change=_short_memory,
    ),
    "approval": Play(
        (calls(EDIT), DONE), run=_answered(AskAnswer(decision="allow", scope="once")), settings=ASKS
    ),
    "unlisted-command": Play(
        (
            calls(("executeCommand", {"command": "factor 12"})),
            says("Twelve is 2 · 2 · 3."),
        ),
        run=_answered(AskAnswer(decision="allow", scope="once")),
    ),
    "denied": Play(
        (calls(EDIT), says("Then I leave it.")),
        run=_answered(AskAnswer(decision="deny", text="Not this file.")),
        settings=ASKS,
    ),
    "question": Play(
        (
            calls(("askUser", {"question": "With tax?", "choices": ["yes", "no"]})),
            calls(EDIT),
            DONE,
        ),
        run=_answered(AskAnswer(choice="no")),
    ),
    "fallback": Play(
        (
            {
                "when": {"protocol": "anthropic"},
                "reply": {"fault": {"kind": "status", "status": 529}},
            },
            calls(READ),
            DONE,
        ),
        models=("anthropic:claude-opus-5-5", "openai:gpt-6-sol"),
    ),
    "broken-stream": Play(
        (
            fails(kind="drop", after_chars=12),
            calls(READ),
            fails(kind="error_event", after_chars=9),
            DONE,
        )
    ),
    "busy-provider": Play((fails(kind="status", status=503), calls(READ), DONE)),
    "refused": Play((calls(READ), fails(kind="status", status=400, message="no such thing"))),
    "steer": Play(
        (
            calls(READ, text="I look at it, word by word.", pace={"delay_s": 0.4}),
            calls(EDIT, text="Bien."),
            says("C'est fait."),
        ),
        run=_steered,
    ),
    "second-message": Play(
        (
            calls(READ, thinking="Where is it? In the shop."),
            calls(EDIT, thinking="A sum is a fold."),
            DONE,
            says("Because `length` counts.", thinking="They ask why."),
        ),
        run=_second,
    ),
    "crash": Play(
        (
            calls(READ),
            says("I am about to change it.", fault={"kind": "hang", "after_chars": 9}),
            calls(EDIT),
            DONE,
        ),
        run=_killed,
    ),
    "step-cap": Play(
        (calls(READ), calls(EDIT), calls(READ), says("It is half done.")), change=_two_turns
    ),
    "wrong-calls": Play(
        (
            calls(("readFile", {"file": "src/shop.ts"}), ("noSuchTool", {}), READ),
            calls(("editFile", {"path": "src/shop.ts", "oldString": "nowhere", "newString": "x"})),
            says("The text is not there."),
        )
    ),
    "image": Play((calls(("readFile", {"path": "logo.png"})), says("One pixel.")), run=_with_image),
}
