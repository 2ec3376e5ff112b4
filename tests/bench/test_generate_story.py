"""What `bench.generate` counts: nothing of a project that is as it must be, and each fault."""

from collections.abc import Callable
from typing import Any

import pytest

from bench.generate_kills import moments
from bench.generate_story import LOG, Made, answers, compared, files, lines
from jobs.generate.plan import STEPS

Change = Callable[[dict[str, bytes], list[dict[str, Any]], list[dict[str, Any]]], Any]


def made(change: Change | None = None) -> Made:
    contents = {path: text.encode() for path, text in files().items()}
    events = [{"message": line} for line in lines().elements()]
    messages: list[dict[str, Any]] = []
    for text, calls in answers():
        told = [{"name": name, "status": "completed"} for name in calls]
        answer = {"role": "assistant", "content": text, "status": "completed", "toolCalls": told}
        messages += [{"role": "user"}, answer]
    if change is not None:
        change(contents, events, messages)
    steps = [step.name for step in STEPS] + ["repair-1"]
    evidence = {"state": "verified", "repairs": 1}
    status = {"status": "completed", "steps": steps, "events": events, "verification": evidence}
    return Made(status, contents, messages)


def test_a_whole_project_has_no_faults() -> None:
    assert set(compared(made()).values()) == {0}


CALL = {"name": "editFile", "status": "completed"}
FAULTS: dict[str, tuple[Change, str]] = {
    "lost": (lambda contents, _, __: contents.pop(LOG), "files_lost"),
    "doubled": (lambda contents, _, __: contents.update({LOG: b"part 1\n" * 9}), "files_differ"),
    "more": (lambda contents, _, __: contents.update({"more.txt": b""}), "files_differ"),
    "written twice": (lambda _, log, __: log.append({"message": f"Wrote {LOG}"}), "files_differ"),
    "told twice": (lambda _, log, __: log.append(log[0]), "lines_wrong"),
    "untold": (lambda _, log, __: log.pop(), "lines_wrong"),
    "gone": (lambda _, __, messages: messages.pop(), "messages_wrong"),
    "cut": (lambda _, __, messages: messages[1].update(content="half"), "messages_wrong"),
    "called": (lambda _, __, messages: messages[1]["toolCalls"].append(CALL), "messages_wrong"),
}


@pytest.mark.parametrize(("change", "count"), FAULTS.values(), ids=FAULTS)
def test_each_fault_is_counted(change: Change, count: str) -> None:
    assert compared(made(change))[count] >= 1


def test_there_are_forty_moments() -> None:
    assert len(moments()) == len(set(moments())) == 40
