"""Keywords that a provider refuses are left out of a schema, names and data are not."""

from typing import Any

from llm.schemas import without_keywords

SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "format": {"type": "string", "format": "uri", "maxLength": 9},
        "items": {"type": "array", "items": {"anyOf": [{"$ref": "#/$defs/format"}]}},
        "kind": {"enum": [{"format": 1}], "default": {"format": 2}, "const": {"format": 3}},
    },
    "$defs": {"format": {"type": "string", "format": "date", "maxLength": 3}},
    "required": ["format"],
}


def test_a_keyword_is_left_out_at_any_depth_and_a_name_is_not() -> None:
    assert without_keywords(SCHEMA, {"format", "additionalProperties"}) == {
        "type": "object",
        "properties": {
            "format": {"type": "string", "maxLength": 9},
            "items": {"type": "array", "items": {"anyOf": [{"$ref": "#/$defs/format"}]}},
            "kind": {"enum": [{"format": 1}], "default": {"format": 2}, "const": {"format": 3}},
        },
        "$defs": {"format": {"type": "string", "maxLength": 3}},
        "required": ["format"],
    }


def test_without_refused_keywords_the_schema_stays_as_it_is() -> None:
    assert without_keywords(SCHEMA, frozenset()) == SCHEMA
