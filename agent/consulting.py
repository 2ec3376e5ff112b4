"""When a run asks the person, and what becomes of a call by their answer."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from agent import words
from agent.definition import Agent
from agent.durable import AskRef, RaiseRef
from agent.means import Budget
from agent.person import (
    Consent,
    Grants,
    MoreMeans,
    Person,
    Question,
    Request,
    RequestId,
)
from core.ids import ToolCallId
from core.text import without_surrogates
from llm.model import ToolCall
from tools.approvals import Judged, Rule, Subjects, Unlisted, allows, judge, rule_for, unlisted
from tools.consents import Consents
from tools.output import DiffPart, Part, ToolOutput
from tools.questions import ASK_USER_NAME, AskUserArguments
from tools.workspace.paths import ROOT

SHOWN_CHARS = 8_000  # of a preview or a command: what a person reads before they decide
MAX_LISTED = 20  # paths, and patterns of what is allowed for always
MAX_PATTERN_CHARS = 400


@dataclass(frozen=True)
class Trial:
    """What can be found out of a call before it runs.

    Args:
        rehearse: gives what it would change.
        folder: gives the project's files on disk; None where there are none.
    """

    rehearse: Callable[[], Awaitable[tuple[Part, ...]]]
    folder: Callable[[], Awaitable[Path | None]]


class Consulting:
    """Asks for one run. Where nobody can be asked (`person` is None), what would ask is denied."""

    def __init__(self, agent: Agent, person: Person | None) -> None:
        self._agent = agent
        self._person = person

    def may_ask(self, call: ToolCall) -> bool:
        """Whether the call is a question, or one that a rule or the list of programs asks about.

        What the project has installed is looked at when it comes to that.
        """
        if self._person is None:
            return False
        if self._question(call) is not None:
            return True
        policy = self._judged(call).policy
        return policy == "ask" or (policy == "allow" and bool(self._unlisted(call)))

    async def ask(self, number: int, call: ToolCall, trial: Trial) -> AskRef:
        """Put what the call asks; a reference without an id says that nothing has to be asked."""
        if self._person is None:
            return AskRef()
        about = self._question(call) or await self._consent(call, self._person, trial)
        if about is None:
            return AskRef()
        return await self._put(self._person, number, call.call_id, about)

    async def ask_for_more(self, number: int, asked: int, budget: Budget) -> AskRef:
        """Ask for more of a budget; a reference without an id: nobody can be asked."""
        if self._person is None:
            return AskRef()
        request = ToolCallId(f"budget-{asked}")
        return await self._put(self._person, number, request, MoreMeans(budget))

    async def more_means(self, request_id: RequestId) -> RaiseRef:
        """How much more of a budget they give; nothing, where they say no or nothing in time."""
        reply = None if self._person is None else (await self._person.settle(request_id)).reply
        if reply is None or not reply.is_allowed:
            return RaiseRef()
        return RaiseRef(reply.more_tokens, reply.more_usd)

    async def _put(
        self,
        person: Person,
        number: int,
        call_id: ToolCallId,
        about: Question | Consent | MoreMeans,
    ) -> AskRef:
        now = self._agent.clock.now()
        until = now + self._agent.limits.ask_timeout
        standing = await person.ask(Request(number, call_id, about, until))
        if standing.status != "open":
            return AskRef(standing.request_id)
        return AskRef(standing.request_id, max((standing.until - now).total_seconds(), 0.0))

    async def verdict(self, call: ToolCall, request_id: RequestId | None) -> ToolOutput | None:
        """What comes of the call without running it; None: it is to run."""
        if request_id is None or self._person is None:
            policy = self._judged(call).policy
            is_denied = policy == "deny" or (policy == "ask" and self._person is None)
            return _refused(words.denied_by_rule(call.name)) if is_denied else None
        reply = (await self._person.settle(request_id)).reply
        if call.name == ASK_USER_NAME:
            return _refused(words.NOBODY_ANSWERED) if reply is None else _said(reply.text)
        if reply is None:
            return _refused(words.nobody_allowed(call.name))
        return None if reply.is_allowed else _refused(words.denied(call.name, reply.text))

    async def consents(self, call: ToolCall, request_id: RequestId | None) -> Consents:
        """What the person lets run of a call that they were asked about, or that rules allow."""
        found = self._unlisted(call)
        if not found:
            return Consents()
        if request_id is not None:
            return Consents(frozenset(each.command for each in found))
        grants = Grants() if self._person is None else await self._person.grants()
        return Consents(
            frozenset(each.command for each in found if self._is_granted(call, each, grants))
        )

    def _unlisted(self, call: ToolCall, folder: Path | None = None) -> tuple[Unlisted, ...]:
        """The programs in a command that run with a person's consent alone."""
        touches = self._agent.toolbox.touches(call.name, call.arguments)
        command = call.arguments.get("command")
        if not touches.in_folder or not isinstance(command, str):
            return ()
        return unlisted(command, folder)

    def _is_granted(self, call: ToolCall, it: Unlisted, grants: Grants) -> bool:
        if allows(self._rules(grants), call.name, it.command):
            return True
        return it.is_exact and rule_for(call.name, it.command) in grants.silenced

    def _rules(self, grants: Grants) -> tuple[Rule, ...]:
        """Those of the project, after what the person has allowed since."""
        rules = (
            replace(rule, policy="allow") if rule in grants.silenced else rule
            for rule in self._agent.approvals
        )
        return (*grants.rules, *rules)

    def _question(self, call: ToolCall) -> Question | None:
        if call.name != ASK_USER_NAME or ASK_USER_NAME not in self._agent.toolbox.names:
            return None
        try:
            asked = AskUserArguments.model_validate(dict(call.arguments))
        except ValidationError:
            return None  # the tool says what is wrong with it
        choices = tuple(dict.fromkeys(map(without_surrogates, asked.choices or ())))
        return Question(without_surrogates(asked.question), choices, asked.allow_text)

    def _judged(self, call: ToolCall) -> Judged:
        if call.name == ASK_USER_NAME:
            return Judged()
        touches = self._agent.toolbox.touches(call.name, call.arguments)
        return judge(self._agent.approvals, call.name, call.arguments, touches)

    async def _consent(self, call: ToolCall, person: Person, trial: Trial) -> Consent | None:
        """What the person has to be asked, unless they have allowed it for the run or always."""
        grants = await person.grants()
        touches = self._agent.toolbox.touches(call.name, call.arguments)
        judged = judge(self._rules(grants), call.name, call.arguments, touches)
        if judged.policy == "allow" and self._unlisted(call):
            return self._unlisted_consent(call, grants, await trial.folder())
        if judged.policy != "ask" or judged.rule is None:
            return None
        command = call.arguments.get("command") if touches.in_folder else None
        writes_files = bool(touches.writes) and not touches.in_folder and ROOT not in touches.writes
        diff = _diff(await trial.rehearse()) if writes_files else ""
        return Consent(
            tool=call.name,
            rule=judged.rule,
            command=_cut(command) if isinstance(command, str) else None,
            paths=judged.subjects.paths[:MAX_LISTED],
            preview="" if isinstance(command, str) else _cut(diff or _told(call.arguments)),
            patterns=_bounded(judged.subjects.patterns()),
        )

    def _unlisted_consent(
        self, call: ToolCall, grants: Grants, folder: Path | None
    ) -> Consent | None:
        wanted = [
            each
            for each in self._unlisted(call, folder)
            if not self._is_granted(call, each, grants)
        ]
        if not wanted:
            return None
        is_exact = all(each.is_exact for each in wanted)
        subjects = Subjects(commands=tuple(each.command for each in wanted), is_exact=is_exact)
        command = call.arguments.get("command")
        return Consent(
            tool=call.name,
            rule=rule_for(call.name, wanted[0].command[: MAX_PATTERN_CHARS // 2]),
            command=_cut(command) if isinstance(command, str) else None,
            preview=_cut("\n".join(each.reason for each in wanted)),
            patterns=_bounded(subjects.patterns()),
        )


def _said(text: str) -> ToolOutput:
    return ToolOutput(words.the_user_said(text))


def _refused(text: str) -> ToolOutput:
    return ToolOutput(text, is_error=True)


def _diff(parts: Sequence[Part]) -> str:
    """Of all files, with a line before each that names it; "" where nothing is to be seen."""
    return "\n".join(
        f"{part.change} {part.old_path or part.path}{f' -> {part.path}' if part.old_path else ''}\n"
        f"{part.diff}"
        for part in parts
        if isinstance(part, DiffPart)
    )


def _told(arguments: Mapping[str, Any]) -> str:
    return json.dumps(dict(arguments), ensure_ascii=False, indent=1)


def _cut(text: str) -> str:
    text = without_surrogates(text)
    if len(text) <= SHOWN_CHARS:
        return text
    return f"{text[:SHOWN_CHARS]}\n[… {len(text) - SHOWN_CHARS:,} more characters]"


def _bounded(patterns: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """Those that can stand as rules of a project."""
    if patterns is None or len(patterns) > MAX_LISTED:
        return None
    return patterns if all(0 < len(each) <= MAX_PATTERN_CHARS for each in patterns) else None
