"""The page on the model server shows what works."""

import re
from pathlib import Path

from llm.scripted.scenario import Pace, Reply, Scenario, UsageSaid, When, parse_scenario

PAGE = (Path(__file__).parents[3] / "docs" / "model-server.md").read_text()


def test_the_example_is_a_scenario() -> None:
    (example,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    assert parse_scenario(example).name == "greeting"


def test_every_field_is_on_the_page() -> None:
    for part in (Scenario, When, Reply, Pace, UsageSaid):
        missing = [name for name in part.model_fields if f"`{name}`" not in PAGE]
        assert missing == []
