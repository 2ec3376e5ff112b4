import pytest

from tests.tools.terminal.conftest import Terminal
from tools.place import Place, Provided
from tools.terminal.shown import MAX_HELD, Following


@pytest.mark.parametrize(
    ("pieces", "shown"),
    [
        ([b"one\n", b"two"], ["one\n", "two"]),
        ([b"caf\xc3", b"\xa9"], ["caf", "\u00e9"]),
        ([b"a\r", b"\nb"], ["a", "\nb"]),
        ([b"10%\r20%\r", b"30%"], ["10%\n20%", "\n30%"]),
        ([b"\x1b[3", b"1mred\x1b", b"[0m."], ["red", "."]),
        ([b"\x1b]0;title", b"\x07x"], ["x"]),
        ([b"a\x00b\xff"], ["a\ufffdb\ufffd"]),
        ([b"\x1b]" + b"x" * (MAX_HELD + 1)], ["x" * (MAX_HELD + 1)]),
    ],
)
def test_halves_wait_for_their_rest(pieces: list[bytes], shown: list[str]) -> None:
    found: list[str] = []
    follow = Following(found.append)
    for piece in pieces:
        follow(piece)
    assert found == shown


async def test_a_process_is_followed_while_its_call_runs_only(terminal: Terminal) -> None:
    found: list[str] = []
    place = terminal.place
    terminal.place = Place(
        place.files, folder=place.folder, need=Provided(*terminal.owned), show=found.append
    )
    await terminal(
        "startProcess", command="echo one; while [ ! -e go ]; do sleep 0.05; done; seq 9"
    )
    assert found == ["one\n"]
    (terminal.folder / "go").touch()
    await terminal("readProcess", processId="p1", waitSeconds=30)
    assert found == ["one\n"]
