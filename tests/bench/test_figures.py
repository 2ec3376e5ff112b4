"""What a bench says can be read by people and by programs."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.figures import percentile, say_figures, say_rounds


def test_the_percentile_is_a_value_that_was_measured() -> None:
    hundred = [float(n) for n in range(100, 0, -1)]
    assert [percentile(hundred, p) for p in (1, 50, 95, 100)] == [1, 50, 95, 100]
    assert percentile([7.0], 95) == 7


@given(st.lists(st.floats(0, 1e6), min_size=1), st.integers(1, 100))
def test_that_many_percent_are_not_above_the_percentile(values: list[float], percent: int) -> None:
    limit = percentile(values, percent)
    assert sum(value <= limit for value in values) * 100 >= percent * len(values)


def test_the_figure_of_rounds_is_their_median(capsys: pytest.CaptureFixture[str]) -> None:
    assert say_rounds("p50", [3.0, 1.0, 100.0], "ms") == 3
    assert "3 ms" in capsys.readouterr().out


def test_the_last_line_is_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    say_figures({"store.mutation_p50_ms": 0.49321, "store.mutations_per_s": 4939.9})
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {
        "store.mutation_p50_ms": 0.493,
        "store.mutations_per_s": 4939.9,
    }
