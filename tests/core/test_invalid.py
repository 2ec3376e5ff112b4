"""A Pydantic problem is told in one way, and shows nothing of what was given."""

from typing import Annotated

import pytest
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from core.invalid import problem_text, problems, wrong_places


class Rule(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reply: Annotated[str, Field(max_length=5)]

    @field_validator("reply")
    @classmethod
    def _is_polite(cls, value: str) -> str:
        if value == "no":
            raise ValueError("say it in a friendlier way")
        return value


TABLE = TypeAdapter(dict[str, list[Rule]])


def refusal(given: object) -> ValidationError:
    with pytest.raises(ValidationError) as refused:
        TABLE.validate_python(given)
    return refused.value


def test_each_place_has_its_reason() -> None:
    error = refusal({"rules": [{"reply": "ok"}, {"replay": 1}, {"reply": "secret words"}]})
    assert problems(error, whole="file") == [
        "rules.1.reply: Field required",
        "rules.1.replay: Extra inputs are not permitted",
        "rules.2.reply: String should have at most 5 characters",
    ]
    assert wrong_places(error) == ["rules.1.reply", "rules.1.replay", "rules.2.reply"]
    assert problem_text(error, whole="file") == "; ".join(problems(error, whole="file"))


def test_of_many_problems_the_first_ten_are_told() -> None:
    empty: dict[str, str] = {}
    told = problems(refusal({"rules": [empty] * 25}), whole="file")
    assert len(told) == 11
    assert told[9:] == ["rules.9.reply: Field required", "and 15 more"]


def test_a_reason_of_ours_stands_alone() -> None:
    error = refusal({"rules": [{"reply": "no"}]})
    assert problems(error, whole="file") == ["rules.0.reply: say it in a friendlier way"]


def test_the_data_as_a_whole_has_a_name() -> None:
    error = refusal("secret words")
    assert problem_text(error, whole="file") == "file: Input should be a valid dictionary"
    assert wrong_places(error) == [""]
