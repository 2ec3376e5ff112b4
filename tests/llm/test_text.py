"""Characters that arrive in halves."""

from hypothesis import given, settings
from hypothesis import strategies as st

from llm.text import WholeCharacters


def halves(text: str) -> list[str]:
    """Each UTF-16 unit of the text as a string of its own, as some servers escape it."""
    units = text.encode("utf-16-le")
    return [
        units[at : at + 2].decode("utf-16-le", "surrogatepass") for at in range(0, len(units), 2)
    ]


@settings(deadline=None)
@given(st.text())
def test_halves_become_the_text_again(text: str) -> None:
    characters = WholeCharacters()
    out = [characters.feed(half) for half in halves(text)]
    assert "".join(out) + characters.rest() == text


@settings(deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=[])), max_size=6))
def test_whatever_comes_can_be_written(deltas: list[str]) -> None:
    characters = WholeCharacters()
    for delta in deltas:
        characters.feed(delta).encode()
    characters.rest().encode()


def test_a_half_without_its_other_half_is_replaced() -> None:
    characters = WholeCharacters()
    assert characters.feed("a\ud83d") == "a"
    assert characters.feed("b") == "\ufffdb"
    assert characters.feed("\ud83d") == ""
    assert characters.rest() == "\ufffd"
