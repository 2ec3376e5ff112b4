"""Which texts can be kept, and what becomes of those that cannot."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.text import (
    CONTROLS,
    has_surrogates,
    is_storable,
    storable_text,
    unstorable_at,
    without_surrogates,
)

anything = st.text(st.characters(exclude_categories=[]))


@settings(deadline=None)
@given(anything)
def test_without_surrogates_every_text_can_be_written(text: str) -> None:
    clean = without_surrogates(text)
    clean.encode()
    assert not has_surrogates(clean)
    assert without_surrogates(clean) == clean


@settings(deadline=None)
@given(st.text())
def test_a_text_that_can_be_written_stays_as_it_is(text: str) -> None:
    assert not has_surrogates(text)
    assert without_surrogates(text) == text


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("a\ud83d", "a\ufffd"),
        ("\ud83da", "\ufffda"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
        ("\ud83d\ude00", "😀"),  # a pair of its own, which JSON escapes apart
        ("\ufeff\ud83d", "\ufeff\ufffd"),
    ],
)
def test_a_pair_is_joined_and_a_lone_half_replaced(text: str, clean: str) -> None:
    assert has_surrogates(text)
    assert without_surrogates(text) == clean


@given(anything)
def test_what_can_be_stored_has_utf8_and_no_nul(text: str) -> None:
    written = text.encode(errors="surrogatepass")
    assert is_storable(text) == (storable_text(written) == text)


@pytest.mark.parametrize("data", [b"a\0", b"\xff", b"\xed\xa0\xbd", b"\xc3"])
def test_bytes_that_are_no_storable_text(data: bytes) -> None:
    assert storable_text(data) is None


def test_the_place_of_the_first_text_that_cannot_be_stored_is_told() -> None:
    value = json.loads(r'{"a": ["x", {"b": "y"}], "c": ["z", {"d": "\u0000"}], "e": "\ud83d"}')
    assert unstorable_at(value) == ("c", 1, "d")
    assert unstorable_at({"a": {"\0": 1}}) == ("a",)
    assert unstorable_at({"a": [1, None, True, "ü"]}) is None


def test_controls_are_all_that_ends_a_line_or_steers_a_terminal() -> None:
    pattern = re.compile(f"[{CONTROLS}]")
    for letter in map(chr, range(0x3000)):
        is_control = (
            len(f"a{letter}b".splitlines()) > 1 or letter < " " or "\x7f" <= letter < "\xa0"
        )
        assert bool(pattern.fullmatch(letter)) == is_control, ascii(letter)
