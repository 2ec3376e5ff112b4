"""The table of models."""

from pathlib import Path

import pytest

from llm.catalog import UNKNOWN, Catalog, InvalidCatalog, Price
from llm.model import Usage


def test_a_dated_name_takes_the_facts_of_its_family() -> None:
    catalog = Catalog.default()
    named = catalog.facts("anthropic/claude-opus-5-5")
    assert catalog.facts("anthropic/claude-opus-5-5-20260901") == named
    assert named.thinking == "adaptive"


def test_an_unlisted_model_gets_careful_limits() -> None:
    assert Catalog.default().facts("mine/whatever") == UNKNOWN


def test_an_older_model_is_not_asked_to_think_adaptively() -> None:
    assert Catalog.default().facts("anthropic/claude-haiku-4-5").thinking == "off"


def test_a_file_adds_to_and_replaces_the_table(tmp_path: Path) -> None:
    path = tmp_path / "models.json"
    path.write_text('{"mine/x": {"context_window": 5, "max_output_tokens": 2}}')
    catalog = Catalog.default().extended(path)
    assert catalog.facts("mine/x").context_window == 5
    assert catalog.facts("anthropic/claude-opus-5-5").context_window == 1_000_000


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "not JSON"),
        ('{"m": {"context_window": 0, "max_output_tokens": 1}}', r"m\.context_window"),
        ('{"m": {"context_window": 1, "max_output_tokens": 1, "colour": 1}}', r"m\.colour"),
    ],
)
def test_a_wrong_table_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "models.json"
    path.write_text(text)
    with pytest.raises(InvalidCatalog, match=complaint):
        Catalog.default().extended(path)


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidCatalog, match="cannot read"):
        Catalog.default().extended(tmp_path / "none.json")


def test_cost_adds_all_kinds_of_tokens_in_whole_millionths() -> None:
    facts = UNKNOWN.model_copy(update={"price": Price(input=4, output=20, cache_read=0.5)})
    usage = Usage(
        input_tokens=1_000_000,
        output_tokens=100_000,
        cache_read_tokens=1_000_000,
        cache_write_tokens=500_000,
    )
    assert facts.cost_micros(usage) == 8_500_000
    assert facts.cost_micros(Usage(cache_read_tokens=3)) == 2


def test_what_has_no_price_or_was_not_counted_has_no_cost() -> None:
    catalog = Catalog.default()
    assert catalog.facts("mine/whatever").cost_micros(Usage(input_tokens=1)) is None
    assert catalog.facts("anthropic/claude-opus-5-5").cost_micros(Usage()) is None
    assert catalog.facts("anthropic/claude-opus-5-5").cost_micros(Usage(input_tokens=1)) == 4


def test_each_price_that_ships_says_of_which_day_it_is() -> None:
    prices = [facts.price for facts in Catalog.default().models.values() if facts.price]
    assert prices
    assert all(price.as_of is not None for price in prices)


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [(None, None, None), (0.25, None, 0.25), (None, 0.25, 0.25), (0.25, 0.5, 0.75), (0, None, 0)],
)
def test_a_sum_of_usages_adds_the_costs_that_are_known(
    first: float | None, second: float | None, both: float | None
) -> None:
    one, two = Usage(1, 2, 3, 4, cost_usd=first), Usage(10, 20, 30, 40, cost_usd=second)
    assert one + two == Usage(11, 22, 33, 44, cost_usd=both)
