"""Tool arguments are whole objects or nothing."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from llm.arguments import whole_object

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(), JSON, max_size=4)


@settings(deadline=None)
@given(OBJECTS, st.data())
def test_no_part_of_an_object_is_taken_for_the_whole(
    value: dict[str, object], data: st.DataObject
) -> None:
    text = json.dumps(value)
    cut = data.draw(st.integers(min_value=1, max_value=len(text) - 1))
    assert whole_object(text[:cut]) is None


@settings(deadline=None)
@given(OBJECTS)
def test_a_whole_object_comes_back(value: dict[str, object]) -> None:
    assert whole_object(json.dumps(value)) == value


@settings(deadline=None)
@given(JSON.filter(lambda value: value is not None and not isinstance(value, dict | str)))
def test_other_json_is_no_object(value: object) -> None:
    assert whole_object(json.dumps(value)) is None


def test_nothing_is_the_empty_object() -> None:
    assert whole_object("") == {}
    assert whole_object(" \n") == {}


@settings(deadline=None)
@given(OBJECTS)
def test_an_object_that_was_encoded_twice_comes_back(value: dict[str, object]) -> None:
    assert whole_object(json.dumps(json.dumps(value))) == value


def test_an_object_that_was_encoded_three_times_is_none() -> None:
    assert whole_object(json.dumps(json.dumps(json.dumps({"a": 1})))) is None


def test_null_is_the_empty_object() -> None:
    assert whole_object("null") == {}


def test_raw_line_breaks_within_strings_are_taken() -> None:
    """Small models write them, and what is meant is beyond doubt."""
    assert whole_object('{"a": "x\ny"}') == {"a": "x\ny"}


def test_what_cannot_be_stored_is_broken() -> None:
    assert whole_object('{"a": NaN}') is None
    assert whole_object('{"a": "\\ud800"}') is None
    assert whole_object('{"a": "\\ud83d\\ude00"}') == {"a": "😀"}
    assert whole_object('{"a": ' + "[" * 100_000) is None
