"""Scenario files: what is accepted, what is refused, and in which words."""

from pathlib import Path

import pytest

from llm.scripted.asked import Asked, AskedResult
from llm.scripted.choose import Script, filled, holds
from llm.scripted.dialect import Rejected
from llm.scripted.scenario import (
    InvalidScenario,
    Reply,
    Scenario,
    When,
    load_scenario,
    parse_scenario,
)


def asked(user_text: str = "please fix it", *results: str) -> Asked:
    return Asked(
        protocol="anthropic",
        model="claude-opus-5-5",
        system="You are careful.",
        user_text=user_text,
        results=tuple(AskedResult(text, is_error=text.startswith("Error")) for text in results),
        history="earlier words",
        tool_choice="auto",
        max_tokens=100,
        stream=True,
        input_chars=10,
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("nonsense", "not a scenario: file: Invalid JSON"),
        ('{"rules": [{}]}', r"rules\.0\.reply: Field required"),
        ('{"rules": [{"reply": {}}]}', r"rules\.0\.reply: .*a reply needs text"),
        ('{"rules": [{"reply": {"text": "a"}, "wen": {}}]}', r"rules\.0\.wen: Extra inputs"),
        (
            '{"rules": [{"reply": {"text": "a", "fault": {"kind": "boom"}}}]}',
            r"reply\.fault: .*boom",
        ),
        (
            '{"rules": [{"when": {"user_matches": "("}, "reply": {"text": "a"}}]}',
            r"when\.user_matches: .*no regular expression",
        ),
        ('{"rules": [{"times": 0, "reply": {"text": "a"}}]}', r"rules\.0\.times"),
        ('{"pace": {"chunk_chars": 0}}', r"pace\.chunk_chars"),
    ],
)
def test_a_wrong_scenario_names_the_field(text: str, complaint: str) -> None:
    with pytest.raises(InvalidScenario, match=complaint):
        parse_scenario(text)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidScenario, match=r"cannot read the scenario .*none\.json"):
        load_scenario(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("condition", "matches"),
    [
        ({}, True),
        ({"user_contains": "fix"}, True),
        ({"user_contains": "break"}, False),
        ({"user_matches": "^please"}, True),
        ({"user_matches": "^fix"}, False),
        ({"system_contains": "careful"}, True),
        ({"history_contains": "earlier"}, True),
        ({"tool_results": 2}, True),
        ({"tool_results": 1}, False),
        ({"min_tool_results": 2}, True),
        ({"min_tool_results": 3}, False),
        ({"result_contains": "two"}, True),
        ({"result_contains": "one"}, False),
        ({"result_is_error": False}, True),
        ({"result_is_error": True}, False),
        ({"tool_choice": "none"}, False),
        ({"model_matches": "opus"}, True),
        ({"protocol": "openai"}, False),
        ({"user_contains": "fix", "tool_results": 0}, False),
    ],
)
def test_all_given_conditions_must_hold(condition: dict[str, object], matches: bool) -> None:
    assert holds(When.model_validate(condition), asked("please fix it", "one", "two")) is matches


def test_the_first_rule_that_is_not_used_up_answers() -> None:
    script = Script(
        Scenario.model_validate(
            {
                "rules": [
                    {"name": "once", "times": 1, "reply": {"text": "1"}},
                    {"name": "fix", "when": {"user_contains": "fix"}, "reply": {"text": "2"}},
                ],
                "otherwise": {"text": "3"},
            }
        )
    )
    said = [script.reply_to(asked())[0], script.reply_to(asked())[0]]
    assert said == ["once", "fix"]
    assert script.reply_to(asked("other"))[0] == "otherwise"


def test_a_request_that_no_rule_matches_is_told_so() -> None:
    script = Script(Scenario(name="empty"))
    with pytest.raises(Rejected, match=r"no rule for this in scenario 'empty'.*please fix it"):
        script.reply_to(asked())


def test_templates_quote_the_request_in_text_and_arguments() -> None:
    reply = Reply.model_validate(
        {
            "text": "{{user}}: {{ result.1 }}/{{result.9}}/{{result}}/{{model}} {{other}}",
            "tool_calls": [
                {"name": "writeFile", "arguments": {"path": "a", "lines": ["{{result.2}}", 1]}}
            ],
        }
    )
    done = filled(reply, asked("q", "one", "two"))
    assert done.text == "q: one//two/claude-opus-5-5 {{other}}"
    assert done.tool_calls[0].arguments == {"path": "a", "lines": ["two", 1]}


def test_a_template_is_not_filled_twice() -> None:
    assert filled(Reply(text="{{user}}"), asked("{{model}}")).text == "{{model}}"


def test_text_is_repeated() -> None:
    assert filled(Reply(text="ab", repeat=3), asked()).text == "ababab"
