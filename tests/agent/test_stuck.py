import pytest

from agent.stuck import is_repeating


@pytest.mark.parametrize("signatures", ["aaa", "xaaa", "ababab", "xyababab"])
def test_three_times_the_same_is_a_repetition(signatures: str) -> None:
    assert is_repeating(signatures)


@pytest.mark.parametrize("signatures", ["", "a", "aa", "aab", "aaab", "abab", "abcabc", "babab"])
def test_anything_else_is_not(signatures: str) -> None:
    assert not is_repeating(signatures)
