"""Whose text of a document is shown to a server."""

from tools.lsp.buffers import Buffers
from tools.workspace.port import RelPath

A, B = RelPath("a.ts"), RelPath("b.ts")


def test_the_last_writer_wins_and_the_disk_counts_as_one() -> None:
    buffers = Buffers()
    buffers.put(1, A, "one")
    buffers.put(2, A, "two")
    assert buffers.text(A) == "two"
    buffers.arrived(A, "by the agent")
    assert buffers.text(A) == "by the agent"
    buffers.put(1, A, "typed on")
    assert buffers.text(A) == "typed on"


def test_what_an_editor_has_saved_does_not_take_back_what_it_typed_since() -> None:
    buffers = Buffers()
    for text in ("a", "ab", "abc"):
        buffers.put(1, A, text)
    buffers.arrived(A, "ab")
    assert buffers.text(A) == "abc"


def test_a_document_is_the_disks_again_when_the_last_editor_has_closed_it() -> None:
    buffers = Buffers()
    buffers.put(1, A, "one")
    buffers.put(2, A, "two")
    buffers.close(1, A)
    assert buffers.text(A) == "two"
    buffers.close(2, A)
    assert buffers.text(A) is None
    assert not buffers.paths
    buffers.close(3, A)
    buffers.arrived(A, "nobody has it open")
    assert buffers.text(A) is None


def test_each_change_is_counted() -> None:
    buffers = Buffers()
    buffers.put(1, B, "half a \ud800 character")
    before = buffers.version
    buffers.arrived(B, "half a \ud800 character")
    assert buffers.version == before
    buffers.arrived(B, "other")
    assert buffers.version > before
