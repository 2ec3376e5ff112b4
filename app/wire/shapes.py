"""What every request and answer is made of: camelCase JSON.

A row says its id twice: as `_id`, like a Convex document, and by what it is of (`projectId`).
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import InitErrorDetails, PydanticCustomError

from core.text import PROBLEM, unstorable_at

NAME_LIMIT_CHARS = 200

Millis = Annotated[
    datetime,
    PlainSerializer(lambda at: round(at.timestamp() * 1000), return_type=int),
    WithJsonSchema(
        {
            "type": "integer",
            "description": "Milliseconds since 1970",
            "examples": [1767225600000],
        }
    ),
]
Name = Annotated[str, Field(min_length=1, max_length=NAME_LIMIT_CHARS)]
ModelName = Annotated[
    str, Field(max_length=NAME_LIMIT_CHARS, examples=["anthropic/claude-sonnet-5-5"])
]


class Body(BaseModel):
    """What a client sends.

    Unknown fields are refused, not dropped, and so is a text anywhere in it that cannot be stored.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, validate_by_name=False
    )

    @model_validator(mode="before")
    @classmethod
    def _can_be_stored(cls, given: object) -> object:
        place = unstorable_at(given)
        if place is None:
            return given
        fault = InitErrorDetails(
            type=PydanticCustomError("unstorable_text", PROBLEM), loc=place, input=None
        )
        raise ValidationError.from_exception_data(cls.__name__, [fault], hide_input=True)


class Answer(BaseModel):
    """What we send; fields without a value are left out."""

    model_config = ConfigDict(
        frozen=True, alias_generator=to_camel, validate_by_name=True, from_attributes=True
    )


class CreationTimes(Answer):
    """When it was made, under the name that Convex gives this field."""

    created_at: Annotated[Millis, Field(serialization_alias="_creationTime")]


class Success(Answer):
    """It is done."""

    success: Literal[True] = True
