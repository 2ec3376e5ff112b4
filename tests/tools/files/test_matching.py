"""Places that are found tolerantly are where the text stands, and nothing is missed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.files.matching import MAX_TOLERANT_CHARS, find, plain

ALPHABET = ["a", "b", "'", "\u2019", "-", "\u2014", " ", "\u00a0", "\n", "\t"]
LETTERS = ["e\u0301", "\u00e9", "o\u0323\u0302", "\u1ed9", "\u1112\u1161\u11ab", "\ud55c"]
texts = st.lists(st.sampled_from(ALPHABET + LETTERS), max_size=30).map("".join)


def bare(text: str) -> str:
    return "\n".join(line.rstrip() for line in plain(text).split("\n"))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(texts, texts.filter(bool))
def test_what_is_found_is_alike(text: str, wanted: str) -> None:
    found = find(text, wanted, most=100)
    if found is None:
        assert wanted not in text
        return
    pieces = [text[start:end] for start, end in found.spans]
    assert pieces
    match found.level:
        case "exact":
            assert set(pieces) == {wanted}
        case "unicode":
            assert wanted not in text
            assert {plain(piece) for piece in pieces} == {plain(wanted)}
        case "spaces":
            assert wanted not in text
            assert {bare(piece) for piece in pieces} == {bare(wanted)}
    ends = [0, *(end for _, end in found.spans)]
    assert all(end <= start for end, (start, _) in zip(ends, found.spans, strict=False))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(texts, texts.filter(bool), texts, st.data())
def test_a_piece_of_a_text_is_found_in_another_spelling(
    before: str, piece: str, after: str, data: st.DataObject
) -> None:
    """With letters around it that compose with nothing."""
    spelled = "".join(
        data.draw(st.sampled_from([char, "'" if char == "\u2019" else char]))
        for char in plain(piece)
    )
    text = f"{before}x{piece}y{after}"
    found = find(text, f"x{spelled}y", most=100)
    assert found is not None
    assert (len(before), len(before) + len(piece) + 2) in found.spans or found.level == "exact"


@pytest.mark.parametrize("most", [1, 5])
def test_no_more_places_are_listed_than_wanted_and_one(most: int) -> None:
    for wanted in ("'", "\u2019"):
        found = find("'\n" * 100, wanted, most=most)
        assert found is not None
        assert len(found.spans) == most + 1
        assert not found.is_only


def test_a_very_long_text_is_searched_exactly_only() -> None:
    text = "\u2019" + "x" * MAX_TOLERANT_CHARS
    assert find(text, "'x", most=1) is None
    assert find(text, "\u2019x", most=1) is not None
