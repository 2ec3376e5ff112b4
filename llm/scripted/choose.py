"""Choosing the reply to a request, and filling its templates."""

import re
from collections import Counter
from typing import Any, cast

from llm.scripted.asked import Asked
from llm.scripted.dialect import Rejected
from llm.scripted.scenario import Reply, Rule, Scenario, When

_TEMPLATE = re.compile(r"\{\{\s*(user|system|model|results|result(?:\.(\d+))?)\s*\}\}")


def holds(when: When, asked: Asked) -> bool:
    """Whether every given condition is true of the request."""
    last = asked.results[-1] if asked.results else None
    checks = (
        when.user_contains is None or when.user_contains in asked.user_text,
        when.user_matches is None or re.search(when.user_matches, asked.user_text) is not None,
        when.system_contains is None or when.system_contains in asked.system,
        when.history_contains is None or when.history_contains in asked.history,
        when.tool_results is None or when.tool_results == len(asked.results),
        when.min_tool_results is None or when.min_tool_results <= len(asked.results),
        when.result_contains is None or (last is not None and when.result_contains in last.text),
        when.result_is_error is None
        or (last is not None and last.is_error == when.result_is_error),
        when.tool_choice is None or when.tool_choice == asked.tool_choice,
        when.model_matches is None or re.search(when.model_matches, asked.model) is not None,
        when.protocol is None or when.protocol == asked.protocol,
    )
    return all(checks)


class Script:
    """A scenario and how often each of its rules has answered."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self._used: Counter[int] = Counter()

    def reply_to(self, asked: Asked) -> tuple[str, Reply]:
        """The name of the rule that answers, and its reply.

        Raises:
            Rejected: nothing matches; the text says what was asked.
        """
        for index, rule in enumerate(self.scenario.rules):
            if self._is_spent(index, rule) or not holds(rule.when, asked):
                continue
            self._used[index] += 1
            return rule.name or f"rule {index}", filled(rule.reply, asked)
        if self.scenario.otherwise is None:
            raise Rejected(400, _no_rule(self.scenario, asked))
        return "otherwise", filled(self.scenario.otherwise, asked)

    def _is_spent(self, index: int, rule: Rule) -> bool:
        return rule.times is not None and self._used[index] >= rule.times


def _no_rule(scenario: Scenario, asked: Asked) -> str:
    return (
        f"the scripted model has no rule for this in scenario {scenario.name!r}: user text "
        f"{asked.user_text[:80]!r}, {len(asked.results)} tool results after it, "
        f"tool_choice {asked.tool_choice}"
    )


def filled(reply: Reply, asked: Asked) -> Reply:
    """The reply with `{{user}}`, `{{result.1}}`, … replaced by what the request holds."""

    def value_of(match: re.Match[str]) -> str:
        word, number = match[1], match[2]
        if number is not None:
            position = int(number) - 1
            return asked.results[position].text if 0 <= position < len(asked.results) else ""
        values = {
            "user": asked.user_text,
            "system": asked.system,
            "model": asked.model,
            "results": "\n".join(result.text for result in asked.results),
            "result": asked.results[-1].text if asked.results else "",
        }
        return values[word]

    def fill(value: Any) -> Any:  # a JSON value of unknown shape
        if isinstance(value, str):
            return _TEMPLATE.sub(value_of, value)
        if isinstance(value, list):
            return [fill(item) for item in cast("list[Any]", value)]
        if isinstance(value, dict):
            return {key: fill(item) for key, item in cast("dict[str, Any]", value).items()}
        return value

    return reply.model_copy(
        update={
            "text": fill(reply.text) * reply.repeat,
            "thinking": fill(reply.thinking),
            "repeat": 1,
            "tool_calls": tuple(
                call.model_copy(
                    update={
                        "arguments": fill(call.arguments),
                        "raw": None if call.raw is None else fill(call.raw),
                    }
                )
                for call in reply.tool_calls
            ),
        }
    )
