"""What must hold after a round, whatever has died in it."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.crash.fuzz.journal import Line
from tests.crash.fuzz.programs import Program, fits, flat

ENDED = {"completed", "failed", "cancelled"}
BRANCHES = re.compile(r"(\d+\.\d+/)+")  # what the engine puts before the ids of steps in branches
CANCEL_REACHES_S = 1.0  # another process; in the same one the journal's lines are in order
NOTICES_BACK_S = 2.5  # within which processes hear of each other again after an outage
ZOMBIE_S = 2.5  # within which a process that was stopped has noticed what it lost


@dataclass
class Story:
    """What was asked for, and what came of it."""

    programs: dict[str, Program] = field(default_factory=dict[str, Program])
    """By the id of the run that executes it; without children."""
    order: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """The runs of each concurrency key, as their events were accepted."""
    asked_to_cancel: set[str] = field(default_factory=set[str])
    steps_at_cancel: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    steps_at_end: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    runs: list[list[Any]] = field(default_factory=list[list[Any]])
    """Run id, job id, event id, status, result, error."""
    lines: list[Line] = field(default_factory=list[Line])
    said: list[str] = field(default_factory=list[str])
    """What was found wrong on the way."""

    def unfinished(self) -> list[list[Any]]:
        """The runs that have not ended; all are accepted before anybody asks."""
        return [run for run in self.runs if run[3] not in ENDED]


def faults(story: Story) -> list[str]:
    """Everything that should have held and did not."""
    return [
        *story.said,
        *_runs(story),
        *_outcomes(story),
        *_steps(story.lines),
        *_cancels(story),
        *_order(story),
    ]


def _runs(story: Story) -> Iterator[str]:
    """Every event has been handled exactly once by every job that it matches."""
    status = {BRANCHES.sub("", str(run[0])): str(run[3]) for run in story.runs}
    doubled = [
        run for run, count in Counter(str(run[0]) for run in story.runs).items() if count > 1
    ]
    yield from (f"{run} is listed twice" for run in doubled)
    expected: set[str] = set()
    possible: set[str] = set()
    for run_id, program in story.programs.items():
        expected.add(run_id)
        sure = expected if status.get(run_id) != "cancelled" else possible
        if program.fails and status.get(run_id) == "failed":
            expected.add(f"{run_id}:on-failure")
        sure |= set(_started_by(run_id, program))
    yield from (f"lost: {run}" for run in sorted(expected - status.keys()))
    for run in sorted(status.keys() - expected - possible):
        yield f"nobody asked for {run}"


def _started_by(run_id: str, program: Program) -> Iterator[str]:
    for number, op in flat(program.number, program.ops):
        if op[0] == "invoke":
            yield f"{run_id}:{op[1]}"
        elif op[0] == "send" and number == program.number:
            yield from (f"echoed:{run_id}:{op[1]}:{n}" for n in range(op[2]))


def _outcomes(story: Story) -> Iterator[str]:
    for run_id, _, _, status, result, error in story.runs:
        program = story.programs.get(run_id)
        if status == "cancelled":
            parent = next((run for run in story.asked_to_cancel if run_id.startswith(run)), None)
            if parent is None:
                yield f"{run_id} was cancelled, and nobody asked for it"
        elif program is None:
            if status != "completed":
                yield f"{run_id} {status}: {error}"
        elif program.fails:
            if status != "failed" or "as the program says" not in error:
                yield f"{run_id} {status}: {error or result}; it should have failed"
        elif status != "completed" or not fits(program.ops, result):
            yield f"{run_id} {status}: {error or result}, for {program.ops}"


def _steps(lines: list[Line]) -> Iterator[str]:
    """No step begins again once it is recorded; attempts are counted, keys are constant."""
    recorded: set[tuple[str, str]] = set()
    keys: dict[tuple[str, str], str] = {}
    attempts: dict[tuple[str, str], int] = defaultdict(int)
    continued: dict[str, float] = {}
    for line in lines:
        step = (line.run, line.step)
        if line.what == "continued":
            continued[line.run] = line.at
        elif line.what == "recorded":
            recorded.add(step)
        elif line.what == "begin" and _is_zombie(line, continued):
            # It had looked, found nothing recorded, and was stopped before this line.
            continue
        elif line.what == "begin":
            if step in recorded:
                yield f"{step} ran again after it had been recorded"
            if keys.setdefault(step, line.key) != line.key:
                yield f"{step} had two idempotency keys"
            if line.attempt < attempts[step]:
                yield f"{step} went back from attempt {attempts[step]} to {line.attempt}"
            attempts[step] = max(attempts[step], line.attempt)


def _is_zombie(line: Line, continued: dict[str, float]) -> bool:
    return line.at < continued.get(line.who, -ZOMBIE_S) + ZOMBIE_S


def _cancels(story: Story) -> Iterator[str]:
    """A cancelled run stores nothing after the acknowledgement, and soon does nothing."""
    cancelled = {str(run[0]) for run in story.runs if run[3] == "cancelled"}
    for run_id, before in story.steps_at_cancel.items():
        after = story.steps_at_end.get(run_id, before)
        if run_id in cancelled and after != before:
            yield f"{run_id} stored {after[len(before) :]} after its cancellation"
    acknowledged: dict[str, float] = {}
    continued: dict[str, float] = {}
    for line in story.lines:
        if line.what == "cancel acknowledged":
            acknowledged[line.run] = line.at
        elif line.what == "continued":
            continued[line.run] = line.at
        elif line.what == "back":
            heard = line.at + NOTICES_BACK_S
            acknowledged = {run: max(at, heard) for run, at in acknowledged.items()}
        elif line.run in cancelled and line.run in acknowledged:
            late_s = line.at - acknowledged[line.run]
            if late_s > CANCEL_REACHES_S and not _is_zombie(line, continued):
                yield f"{line} comes {late_s:.2f} s after the cancellation"


def _order(story: Story) -> Iterator[str]:
    """Runs of one key start in the order of their events, and do not interleave."""
    # What a process began right after it was continued counts if it was let record it.
    kept = {(each.who, each.run, each.step) for each in story.lines if each.what == "recorded"}
    for line, expected in story.order.items():
        continued: dict[str, float] = {}
        seen: list[str] = []
        for each in story.lines:
            if each.what == "continued":
                continued[each.run] = each.at
            elif each.run not in expected or each.what != "begin":
                continue
            elif (each.who, each.run, each.step) not in kept and _is_zombie(each, continued):
                pass
            elif not seen or seen[-1] != each.run:
                seen.append(each.run)
        if seen != expected:
            yield f"{line} went {seen} instead of {expected}"
