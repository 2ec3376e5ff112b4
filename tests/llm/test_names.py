"""Ids and names of calls that a provider takes back."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from llm.names import sent_id, sent_name


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=[])))
def test_each_id_and_name_is_made_acceptable(text: str) -> None:
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,40}", sent_id(text))
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", sent_name(text))


def test_good_ones_stay_as_they_are() -> None:
    assert sent_id("toolu_01A-b") == "toolu_01A-b"
    assert sent_name("readFile") == "readFile"


def test_different_ids_stay_different() -> None:
    assert sent_id("functions.readFile:0") != sent_id("functions.readFile:1")
