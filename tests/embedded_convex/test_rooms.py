"""The rooms of the embedded Convex form one ladder, as the packages of Python do."""

import re
from pathlib import Path

import pytest

HOME = Path(__file__).parents[2] / "embedded_convex"
# What uses the others stands first.
LADDER = [
    "sync",
    "http",
    "syscalls",
    "schedule",
    "execution",
    "code",
    "access",
    "data",
    "values",
]
IMPORTED = re.compile(r'(?:from |import\(?)"\.\./(?:(\w+)/)?(\w+)\.ts"')
BELOW_ALL_ROOMS = {"clock", "errors"}


def imports_of(room: str) -> set[tuple[str, str]]:
    """Room ("" for none) and module of each import that leaves a room."""
    texts = [path.read_text() for path in (HOME / room).glob("*.ts")]
    return {(into, module) for text in texts for into, module in IMPORTED.findall(text)}


def test_every_room_has_its_place() -> None:
    rooms = {path.name for path in HOME.iterdir() if any(path.glob("*.ts"))}
    assert rooms == set(LADDER)


@pytest.mark.parametrize("room", LADDER)
def test_a_room_imports_from_rooms_below_it_only(room: str) -> None:
    below = set(LADDER[LADDER.index(room) + 1 :])
    assert {into for into, _ in imports_of(room)} - {""} <= below


@pytest.mark.parametrize("room", LADDER)
def test_no_room_knows_the_program_that_puts_them_together(room: str) -> None:
    assert {module for into, module in imports_of(room) if into == ""} <= BELOW_ALL_ROOMS
