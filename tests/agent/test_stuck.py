"""Runs that work and runs that do not: how the calls of their turns came out, one word a call.

A word is a call with its result; `!` marks one that failed (`!x:1` and `!x:2` are the same error
for other arguments). `-` is a turn whose calls could not be run.
"""

import pytest

from agent.stuck import Tried, is_stuck

WORKS = {
    "nothing yet": "",
    "one call": "a",
    "looks twice": "a a",
    "twice, then on": "a a b",
    "thrice, but it is past": "a a a b",
    "three times in one turn": "a,a,a",
    "a pair, once more": "a b a",
    "sixty writes in one turn": ",".join(f"w{n}" for n in range(60)),
    "sixty writes, then sixty others": f"{','.join(f'w{n}' for n in range(60))} "
    + ",".join(f"v{n}" for n in range(60)),
    "the same two files in two turns": "a,b a,b",
    "edits and a test that says something else each time": "e1 t1 e2 t2 e3 t3 e4 t4",
    "a poll with other calls between": "p x p y p z p",
    "looks for a file under four names at once": "!r:1,!r:2,!r:3,!r:4",
    "looks for a file under three names": "!r:1 !r:2 !r:3 a",
    "errors of different kinds": "!a:1 !b:1 !c:1 !d:1 !e:1",
    "fails thrice, and something works beside it": "!r:1 !r:2,a !r:3 !r:4",
    "calls were cut off twice": "- -",
    "cut off, and better between": "- - a - -",
}

IS_STUCK = {
    "A A A": "a a a",
    "A A A after work": "x y a a a",
    "A B A B": "a b a b",
    "A B A B after work": "x y z a b a b",
    "A B C A B C": "a b c a b c",
    "the same two files in three turns": "a,b a,b a,b",
    "the same five files in three turns": "a,b,c,d,e a,b,c,d,e a,b,c,d,e",
    "the same failing call": "!a:1 !a:1 !a:1",
    "the same error, other arguments": "!e:1 !e:2 !e:3 !e:4",
    "the same error, several a turn": "!e:1,!e:2 !e:3 !e:4 !e:5,!e:6",
    "calls that are cut off again and again": "a - - -",
}


def tried(turn: str) -> Tried:
    if turn == "-":
        return Tried((), (), was_lost=True)
    words = turn.split(",")
    failures = (word.split(":")[0] if word.startswith("!") else "" for word in words)
    return Tried(tuple(words), tuple(failures))


@pytest.mark.parametrize("run", WORKS.values(), ids=WORKS.keys())
def test_a_run_that_works_is_left_alone(run: str) -> None:
    turns = [tried(turn) for turn in run.split()]
    assert not is_stuck(turns)


@pytest.mark.parametrize("run", IS_STUCK.values(), ids=IS_STUCK.keys())
def test_a_run_that_goes_in_circles_is_found_at_its_last_turn(run: str) -> None:
    turns = [tried(turn) for turn in run.split()]
    assert is_stuck(turns)
    assert not is_stuck(turns[:-1])
