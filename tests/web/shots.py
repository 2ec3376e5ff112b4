"""`make shots`: the pictures of the README, taken of the product as it runs."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from core.node import NODE
from tests.support.product import ROOT, disposable, environment
from tests.web.people import PEOPLE, settings

SCRIPT = PEOPLE / "shots.ts"
PICTURES = ("ide.png", "run.png")
SCENARIO = ROOT / "app" / "demo" / "scenario.json"
SAMPLE = ROOT / "app" / "demo" / "sample"


def main() -> None:
    """Play the story of the demo in a browser, and keep the pictures."""
    with tempfile.TemporaryDirectory(prefix="polaris-shots-") as temporary:
        folder = Path(temporary)
        shutil.make_archive(str(folder / "sample"), "zip", SAMPLE)
        model = ["model-server", "--scenario", str(SCENARIO)]
        with disposable(model, folder=folder, env=environment()) as scripted:
            env = settings(scripted.ready["url"])
            with disposable(["dev"], folder=folder, env=env) as program:
                command = [NODE, SCRIPT, program.ready["web"], folder]
                subprocess.run(command, check=True, timeout=120)  # noqa: S603 - our own script
        for name in PICTURES:
            shutil.copy(folder / name, ROOT / "docs" / name)


if __name__ == "__main__":
    main()
