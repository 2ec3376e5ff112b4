import pytest

from tools.workspace.ignored import Rules
from tools.workspace.port import RelPath


@pytest.mark.parametrize("bad", ["[", "\\", "!", "a/[b"])
def test_a_line_that_is_no_pattern_is_left_out_and_the_others_hold(bad: str) -> None:
    rules = Rules().within(RelPath(""), f"*.log\n{bad}\n!keep.log\n")
    assert rules.ignores(RelPath("a.log"), is_folder=False)
    assert not rules.ignores(RelPath("keep.log"), is_folder=False)
    assert not rules.ignores(RelPath("a.ts"), is_folder=False)
