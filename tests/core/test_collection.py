"""The garbage collector is off in a block of imports, and on again after it."""

import gc

import pytest

from core.collection import paused_collection


def test_it_is_off_inside_and_on_outside_also_when_the_block_fails() -> None:
    def fail() -> None:
        with paused_collection():
            assert not gc.isenabled()
            raise ZeroDivisionError

    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError):
        fail()
    assert gc.isenabled()


def test_a_block_inside_another_leaves_it_off_for_the_outer_one() -> None:
    with paused_collection():
        with paused_collection():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_what_the_block_has_made_is_not_looked_at_again() -> None:
    gc.unfreeze()
    with paused_collection():
        made = [[number] for number in range(100_000)]
    assert gc.get_freeze_count() >= len(made)
    gc.unfreeze()
