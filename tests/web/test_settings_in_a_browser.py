"""The settings of a project in Chromium, and the undoing of its deletion."""

from pathlib import Path

import pytest

from tests.support.product import disposable
from tests.web.people import plays, scripted, settings

OF_REFUSALS = ("[CONVEX M(", "400 (Bad Request)")


@pytest.mark.timeout(240)
def test_a_person_changes_the_settings_of_a_project(tmp_path: Path) -> None:
    with (
        scripted([{"reply": {"text": "Good morning."}}], tmp_path) as model_url,
        disposable(["dev"], folder=tmp_path, env=settings(model_url)) as program,
    ):
        plays("settings.ts", program.ready["web"], tmp_path, provoked=OF_REFUSALS)
