"""Thinking within the text, however the deltas cut it."""

import itertools

from hypothesis import example, given, settings
from hypothesis import strategies as st

from llm.thoughts import Piece, ThinkTags


def told_apart(deltas: list[str], *, is_whole: bool = True) -> tuple[str, str]:
    """The thinking and the text."""
    tags = ThinkTags()
    pieces: list[Piece] = [piece for delta in deltas for piece in tags.feed(delta)]
    pieces += tags.rest(is_whole=is_whole)
    return (
        "".join(piece.text for piece in pieces if piece.kind == "thinking"),
        "".join(piece.text for piece in pieces if piece.kind == "text"),
    )


@settings(deadline=None)
@given(
    st.text(st.sampled_from("ab<>/ \n"), max_size=12),
    st.text(st.sampled_from("cd<>/ \n"), max_size=12),
    st.lists(st.integers(min_value=0, max_value=60), max_size=8),
)
@example("\n", "", [7])
def test_tags_may_be_cut_anywhere(thought: str, text: str, cuts: list[int]) -> None:
    whole = f"<think>{thought}</think>{text}"
    edges = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    deltas = [whole[start:end] for start, end in itertools.pairwise(edges)]
    assert told_apart(deltas) == told_apart([whole])
    if "<think" not in text:
        assert told_apart([whole])[1] == text.lstrip()


@settings(deadline=None)
@given(st.lists(st.text(st.sampled_from("ab<think>/ \n"), max_size=6), max_size=8))
def test_nothing_is_lost(deltas: list[str]) -> None:
    thinking, text = told_apart(deltas)
    whole = "".join(deltas)
    if "<think>" not in whole:
        assert (thinking, text) == ("", whole)


def test_the_other_spelling_counts_too() -> None:
    assert told_apart(["<thinking>a</thinking>b"]) == ("a", "b")


def test_text_before_a_tag_makes_it_text() -> None:
    assert told_apart(["see <think>a</think>"]) == ("", "see <think>a</think>")


def test_a_thought_that_was_cut_is_thinking() -> None:
    assert told_apart(["<think>a</thi"], is_whole=False) == ("a</thi", "")


def test_a_tag_that_never_ends_is_the_answer() -> None:
    assert told_apart(["<think>a", "b"])[1] == "<think>ab"
