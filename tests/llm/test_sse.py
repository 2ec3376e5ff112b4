"""Cutting a stream of bytes into events."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.sse import FRAME_BYTES, Frame, FrameTooLarge, SseReader

STREAM = (
    ": a comment\n\nevent: one\ndata: {\ndata: }\n\ndata:é世🎉\u2028x\r\n\r\n"
    "event: empty\n\nretry: 5\nid: 7\ndata\n\ndata: last"
).encode()
EVENTS = [Frame("one", "{\n}"), Frame("", "é世🎉\u2028x"), Frame("", "last")]


@settings(deadline=None)
@given(st.lists(st.integers(min_value=0, max_value=len(STREAM)), max_size=12))
def test_events_do_not_depend_on_where_packets_end(cuts: list[int]) -> None:
    reader = SseReader()
    edges = [0, *sorted(cuts), len(STREAM)]
    seen: list[Frame] = []
    for start, end in itertools.pairwise(edges):
        seen += reader.feed(STREAM[start:end])
    assert seen + reader.rest() == EVENTS


def test_an_event_without_end_is_refused_before_it_fills_the_memory() -> None:
    reader = SseReader()
    piece = b"data: " + b"x" * (FRAME_BYTES // 4) + b"\n"
    for _ in range(3):
        reader.feed(piece)
    with pytest.raises(FrameTooLarge):
        reader.feed(piece + piece)


def test_bytes_that_are_no_utf8_are_replaced() -> None:
    assert SseReader().feed(b"data: \xff\n\n") == [Frame("", "\ufffd")]
