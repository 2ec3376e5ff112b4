"""What an answer's tool calls came to: the errors that its edits made, and how its tests ended."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.demo.client import Api

MAX_LINES = 12  # of one result on the screen
FINDERS = frozenset({"findSymbol", "searchFiles", "searchCodebase", "getReferences"})


@dataclass(frozen=True)
class Call:
    """One tool call with its parts for people."""

    name: str
    arguments: str
    result: str
    parts: Sequence[Mapping[str, Any]]

    def of_type(self, kind: str) -> list[Mapping[str, Any]]:
        """Its parts of one type."""
        return [part for part in self.parts if part["type"] == kind]

    @property
    def errors(self) -> list[str]:
        """The type errors that it tells of, one line each."""
        return [
            f"{found['path']}:{found['line']:g}:{found['column']:g} {found['message']}"
            for part in self.of_type("diagnostics")
            for found in part["diagnostics"]
            if found["severity"] == "error"
        ]

    @property
    def shown(self) -> list[str]:
        """What the screen has room for: a search by its first line, the rest from its end."""
        if self.errors:
            return self.errors[:MAX_LINES]
        lines = [line for line in self.result.splitlines() if line.strip()]
        return lines[:1] if self.name in FINDERS else lines[-MAX_LINES:]


async def calls_of(api: Api, message: Mapping[str, Any]) -> list[Call]:
    """The calls of a message that has ended, in order."""
    return [
        Call(
            name=each["name"],
            arguments=each["args"],
            result=each.get("result") or "",
            parts=await api.parts(message["messageId"], each["turn"], each["id"]),
        )
        for each in message.get("toolCalls", [])
    ]


def how_tests_ended(calls: Sequence[Call]) -> str:
    """The last command of an answer: "passed", "failed", or "not run: " and why."""
    commands = [call for call in calls if call.name == "executeCommand"]
    if not commands:
        return "not run: the model ran no command"
    ends = commands[-1].of_type("exit")
    if not ends:
        return f"not run: {re.split(r' [(]|[.] ', commands[-1].result)[0][:120]}"
    return "passed" if ends[0].get("code") == 0 else "failed"
