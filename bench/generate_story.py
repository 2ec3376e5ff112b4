"""A project whose making is killed: what the scripted model says, and what must be there after it.

Nothing in it can be done twice unseen: each part edits a file by adding a line to it, and appends
to a log with a command. The build fails until the one repair.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.generate.plan import STEPS, VERIFY
from llm.scripted.scenario import Call, Pace, Reply, Rule, When

DESCRIPTION = "A project of eight parts, each of two files and a line of the log"
REPAIR = "repair-1"
LOG = "made.log"
MENDED = "src/part-1.js"

_OLD, _NEW = "part = 1;", "part = 1; // mended"
_END, _MORE = "// the end\n", "// one line more\n// the end\n"
_BUILD = (
    "setTimeout(() => {\n"
    f"  const text = require('fs').readFileSync('{MENDED}', 'utf8');\n"
    "  if (!text.includes('mended')) throw Error('not mended');\n"
    "}, 400);\n"
)
_SCRIPTS = {"build": "node build.js", "test": "node -e 'setTimeout(() => {}, 300)'"}
_CONFIG = {
    "package.json": json.dumps({"name": "parts", "private": True, "scripts": _SCRIPTS}) + "\n",
    "build.js": _BUILD,
}
_TURNS = ("I write it.", "And I change it.")


def source(number: int) -> str:
    """The file of a part that is edited."""
    return f"src/part-{number}.js"


def rules(*, chars_per_s: float, command_s: float = 0.3) -> tuple[Rule, ...]:
    """What the model says to each of the eight parts, and to the repair.

    `command_s`: how long each part's command goes on after it has written.
    """
    pace = Pace(chars_per_s=chars_per_s, chunk_chars=6)
    parts = [each for number in _numbers() for each in _part(number, pace, command_s)]
    return (*parts, *_repair(pace))


def _numbers() -> range:
    return range(1, len(STEPS) + 1)


def _written(number: int) -> dict[str, str]:
    files = {
        source(number): f"export const part = {number};\n{_END}",
        f"docs/part-{number}.md": f"# Part {number}\n",
    }
    return (_CONFIG if number == 1 else {}) | files


def _part(number: int, pace: Pace, command_s: float) -> Iterator[Rule]:
    """Files; an edit and a command that would show if they were made twice; a sentence."""
    asked = f"Step {number} of {len(STEPS)}"
    writes = [_call("writeFile", path=p, content=text) for p, text in _written(number).items()]
    edit = _call("editFile", path=source(number), oldString=_END, newString=_MORE)
    command = _call("executeCommand", command=f"echo part {number} >> {LOG} && sleep {command_s}")
    after = len(writes)
    said: list[tuple[int, str, tuple[Call, ...]]] = [
        (0, _TURNS[0], tuple(writes)),
        (after, _TURNS[1], (edit, command)),
        (after + 2, _last(number), ()),
    ]
    for results, text, calls in said:
        when = When(user_contains=asked, tool_results=results)
        yield Rule(when=when, reply=Reply(text=text, tool_calls=calls, pace=pace))


def _last(number: int) -> str:
    return f"Part {number} is made."


def _repair(pace: Pace) -> Iterator[Rule]:
    edit = _call("editFile", path=MENDED, oldString=_OLD, newString=_NEW)
    for results, text, calls in ((0, "I mend it.", (edit,)), (1, "It is mended.", ())):
        when = When(user_contains="The project was checked", tool_results=results)
        yield Rule(when=when, reply=Reply(text=text, tool_calls=calls, pace=pace))


def _call(name: str, **arguments: str) -> Call:
    return Call(name=name, arguments=arguments)


def files() -> dict[str, str]:
    """What the project is made of in the end."""
    found = {path: text for number in _numbers() for path, text in _written(number).items()}
    for number in _numbers():
        found[source(number)] = found[source(number)].replace(_END, _MORE)
    found[MENDED] = found[MENDED].replace(_OLD, _NEW)
    return found | {LOG: "".join(f"part {number}\n" for number in _numbers())}


def lines() -> Counter[str]:
    """The log, without the times that commands took."""
    found: list[str] = []
    for number, step in enumerate(STEPS, start=1):
        calls = len(_written(number)) + 2
        found += [f"Starting {step.name}", f"Completed {step.name}"]
        found += [f"{step.name} emitted {calls} tool call(s)"]
        found += [f"Created {path}" for path in _written(number)]
        found += [f"Wrote {source(number)}", f"{'Created' if number == 1 else 'Wrote'} {LOG}"]
    ended = "`npm run build` ended with exit code 1. The last of its output:"
    found += [f"Starting {VERIFY}"] * 2
    found += ["npm run build: exit code 1", f"{VERIFY} failed: {ended}"]
    found += [f"Starting {REPAIR}", f"Wrote {MENDED}"]
    found += [f"{REPAIR} emitted 1 tool call(s)", f"Completed {REPAIR}"]
    found += ["npm run build: exit code 0", "npm test: exit code 0", f"Completed {VERIFY}"]
    return Counter([*found, "Completed generate-project"])


def answers() -> list[tuple[str, list[str]]]:
    """The text of each answer, and the names of its calls."""
    found: list[tuple[str, list[str]]] = []
    for number in _numbers():
        calls = ["writeFile"] * len(_written(number)) + ["editFile", "executeCommand"]
        found.append(("\n\n".join((*_TURNS, _last(number))), calls))
    return [*found, ("I mend it.\n\nIt is mended.", ["editFile"])]


@dataclass(frozen=True)
class Made:
    """What a generation has left: its status as the API gives it, files, and messages in order."""

    status: Mapping[str, Any]
    files: Mapping[str, bytes]
    messages: Sequence[Mapping[str, Any]]


def compared(made: Made) -> dict[str, int]:
    """How much of it is not as it must be; all of it is 0 where nothing was lost or done twice.

    - `files_lost`: files that are not there.
    - `files_differ`: files of other bytes, or that nobody was to write, or whose changes in the log
      are not each there once.
    - `lines_wrong`: lines of the log that are missing, or there too often.
    - `messages_wrong`: messages of another text, status, or with other calls.
    - `checks_wrong`: 1 where it did not end verified, after one repair.
    """
    wanted = {path: text.encode() for path, text in files().items()}
    told = Counter(_without_times(event["message"]) for event in made.status["events"])
    wrong = (told - lines()) + (lines() - told)
    changed = {path for path in {*wanted, *made.files} if made.files.get(path) != wanted.get(path)}
    changed |= {path for path in wanted if any(line.endswith(f" {path}") for line in wrong)}
    lost = {path for path in wanted if path not in made.files}
    return {
        "files_lost": len(lost),
        "files_differ": len(changed - lost),
        "lines_wrong": wrong.total(),
        "messages_wrong": _messages_wrong(made.messages),
        "checks_wrong": int(not _is_verified(made.status)),
    }


def _messages_wrong(messages: Sequence[Mapping[str, Any]]) -> int:
    found = [_as_told(each) for each in messages if each["role"] == "assistant"]
    asked = sum(each["role"] == "user" for each in messages)
    wanted = [(text, "completed", [(c, "completed") for c in calls]) for text, calls in answers()]
    differ = sum(one != other for one, other in zip(found, wanted, strict=False))
    return differ + abs(len(found) - len(wanted)) + abs(asked - len(wanted))


def _as_told(message: Mapping[str, Any]) -> tuple[str, str, list[tuple[str, str]]]:
    calls = [(call["name"], call["status"]) for call in message.get("toolCalls", [])]
    return message["content"], message["status"], calls


def _is_verified(status: Mapping[str, Any]) -> bool:
    found: Mapping[str, Any] = status.get("verification") or {}
    ended = (status["status"], len(status["steps"]), found.get("state"), found.get("repairs"))
    return ended == ("completed", len(STEPS) + 1, "verified", 1)


def _without_times(line: str) -> str:
    return re.sub(r" after [0-9.]+ s$", "", line)
