"""Which calls of tools a person is asked about: rules, of which the first that fits counts.

A rule fits by the name of the tool (`*` stands for any characters) and, where it has a pattern, by
what the call is about: each path that it touches, or each program that its command line runs, also
those in substitutions. A call is about several things, and the strictest policy of them holds. What
no rule fits is allowed. Rules guard against mistakes; what a command can reach is up to the
sandbox.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from tools.place import Touches
from tools.search.globs import BadGlob, Glob, glob_of
from tools.terminal.installed import installed_in, policy_in
from tools.terminal.policy.parse import Unreadable, calls_of
from tools.workspace.port import RelPath

Policy = Literal["ask", "allow", "deny"]

_STRICTNESS: Mapping[Policy, int] = {"allow": 0, "ask": 1, "deny": 2}
_SPACE = re.compile(r"\s")
_STAR = re.compile(r"(?<!\\)\*")
_SPECIAL = re.compile(r"[\\*?\[\]{},!]")


@dataclass(frozen=True)
class Rule:
    r"""What is to happen with the calls of a tool: all, or those whose path or command fits.

    A pattern of paths is a glob as everywhere (`src/**`, `*.env`); one of commands a text in which
    `*` stands for any characters (`npm install *` is `npm install` as well) and `\*` for itself.
    """

    tool: str
    policy: Policy
    pattern: str | None = None


@dataclass(frozen=True)
class Subjects:
    """What a call is about: paths, or else calls of programs.

    Not `is_exact`: something in the command is put together when it runs.
    """

    paths: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    is_exact: bool = True

    def patterns(self) -> tuple[str, ...] | None:
        """Patterns that fit exactly these; None where there are none."""
        if not self.is_exact:
            return None
        exact_paths = (f"/{_SPECIAL.sub(_escaped, path)}" for path in self.paths)
        return (*exact_paths, *map(_exactly, self.commands))


@dataclass(frozen=True)
class Unlisted:
    """A call of a program that runs with a person's consent alone, and why that is so.

    Not `is_exact`: something in it is put together when it runs.
    """

    command: str
    reason: str
    is_exact: bool


@dataclass(frozen=True)
class Judged:
    """What holds for a call: by which rule, and for what of it."""

    policy: Policy = "allow"
    rule: Rule | None = None
    subjects: Subjects = Subjects()


def check(rule: Rule) -> None:
    """Raises: BadGlob: its pattern is one of paths, and cannot be used.

    One with white space may be of a command, which can hold anything.
    """
    if rule.pattern is not None and not _SPACE.search(rule.pattern):
        glob_of(rule.pattern)


def judge(
    rules: Sequence[Rule], name: str, arguments: Mapping[str, Any], touches: Touches
) -> Judged:
    """What holds for a call of the tool `name`."""
    fitting = [rule for rule in rules if _fits_command(rule.tool, name)]
    if not fitting:
        return Judged()
    subjects = subjects_of(arguments, touches)
    found: dict[str | None, Rule | None]
    if subjects.commands:
        found = {it: _first(fitting, command=it) for it in subjects.commands}
    elif subjects.paths:
        found = {it: _first(fitting, path=it) for it in subjects.paths}
    else:
        found = {None: _first(fitting)}
    strictest = max(found.values(), key=_strictness)
    if strictest is None:
        return Judged()
    concerned = {it for it, rule in found.items() if _strictness(rule) == _strictness(strictest)}
    return Judged(
        strictest.policy,
        strictest,
        Subjects(
            tuple(path for path in subjects.paths if path in concerned),
            tuple(command for command in subjects.commands if command in concerned),
            subjects.is_exact,
        ),
    )


def subjects_of(arguments: Mapping[str, Any], touches: Touches) -> Subjects:
    """What a call with these arguments is about."""
    if not touches.in_folder:
        return Subjects(paths=tuple(sorted(touches.reads | touches.writes)))
    command = arguments.get("command")
    if not isinstance(command, str):
        return Subjects()
    try:
        calls = [call for call in calls_of(command) if call.program.text or call.arguments]
    except Unreadable:  # the tool refuses it, too
        return Subjects(commands=(command,))
    texts = dict.fromkeys(call.text for call in calls)
    return Subjects(
        commands=tuple(texts) or (command,),
        is_exact=all(call.is_exact for call in calls),
    )


def allows(rules: Sequence[Rule], name: str, command: str) -> bool:
    """Whether a rule says that the tool `name` may run this command, and no stricter is first."""
    rule = _first([rule for rule in rules if _fits_command(rule.tool, name)], command=command)
    return rule is not None and rule.policy == "allow"


def unlisted(line: str, folder: Path | None) -> tuple[Unlisted, ...]:
    """The programs in a line that need consent in a project with this folder.

    Where the folder is None, what the project has installed is not known and needs it, too.
    """
    asked = policy_in(folder).asked(line)
    return tuple(
        Unlisted(call.text, f"{verdict.program}: {verdict.reason}", call.is_exact)
        for call, verdict in asked.items()
    )


def installed(folder: Path) -> tuple[str, ...]:
    """What a project with this folder has installed, by its paths: it needs no consent."""
    return tuple(installed_in(folder))


def rule_for(name: str, command: str) -> Rule:
    """The rule that asks about this command, where only the list of programs does."""
    return Rule(name, "ask", _exactly(command))


def _strictness(rule: Rule | None) -> int:
    return 0 if rule is None else _STRICTNESS[rule.policy]


def _first(
    rules: Sequence[Rule], *, path: str | None = None, command: str | None = None
) -> Rule | None:
    return next((rule for rule in rules if _fits(rule, path, command)), None)


def _fits(rule: Rule, path: str | None, command: str | None) -> bool:
    if rule.pattern is None:
        return True
    if command is not None:
        return _fits_command(rule.pattern, command)
    if path is None:
        return False
    glob = _glob(rule.pattern)
    if glob is None:  # nobody can say what it means: it allows nothing, and lets nothing pass
        return rule.policy != "allow"
    return glob.matches(RelPath(path))


@lru_cache(maxsize=256)
def _glob(pattern: str) -> Glob | None:
    try:
        return glob_of(pattern)
    except BadGlob:
        return None


def _fits_command(pattern: str, text: str) -> bool:
    """In linear time: each piece is looked for behind the one before."""
    if pattern.endswith(" *") and _fits_command(pattern[:-2], text):
        return True
    first, *others = (piece.replace(r"\*", "*") for piece in _STAR.split(pattern))
    if not others:
        return text == first
    last = others.pop()
    if len(text) < len(first) + len(last) or not text.startswith(first):
        return False
    at, end = len(first), len(text) - len(last)
    for piece in others:
        at = text.find(piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return text.endswith(last)


def _exactly(command: str) -> str:
    return command.replace("*", r"\*")


def _escaped(found: re.Match[str]) -> str:
    return f"\\{found[0]}"
