"""The arithmetic of docs/scale.md, and the simulation beside it."""

import sys

import pytest

from bench.scale_simulation import Costs, Load, database_of, main, play

COSTS = Costs.measured(runs_per_s=230, steps_per_s=760)


def test_costs_give_back_the_figures_they_come_from() -> None:
    assert 1 / COSTS.of(1) == pytest.approx(230)
    assert 20 / COSTS.of(20) == pytest.approx(760)


def test_the_played_peak_agrees_with_the_arithmetic() -> None:
    load = Load(100_000)
    expected = load.peak_runs_per_s * COSTS.of(load.steps)
    assert play(load, COSTS, databases=1).mean == pytest.approx(expected, rel=0.1)


def test_the_arithmetic_gives_enough_databases() -> None:
    for runs_per_day in (10_000, 100_000, 1_000_000):
        load = Load(runs_per_day)
        assert play(load, COSTS, databases=load.databases(COSTS)).busiest < 1


def test_one_database_too_few_falls_behind() -> None:
    load = Load(2_000_000)
    enough, few = (play(load, COSTS, databases=n) for n in (load.databases(COSTS), 1))
    assert few.busiest > 1
    assert few.wait_p95_ms > 20 * enough.wait_p95_ms


def test_one_more_database_moves_its_share_of_projects_only() -> None:
    projects = [f"project-{n}" for n in range(2_000)]
    before = [database_of(project, 4) for project in projects]
    after = [database_of(project, 5) for project in projects]
    moved = [new for old, new in zip(before, after, strict=True) if old != new]
    assert set(moved) == {4}
    assert len(moved) == pytest.approx(400, rel=0.2)


def test_the_page_s_command_prints_its_three_sizes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["scale_simulation"])
    main()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:4]] == ["10,000", "100,000", "1,000,000"]
