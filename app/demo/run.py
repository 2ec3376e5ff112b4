"""The story of the demo: its scenes one after the other, then the figures."""

import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from app.demo.scenes import SCENES
from app.demo.stage import Options, Stage

__all__ = ["Options", "run_demo"]


async def run_demo(options: Options, environment: Mapping[str, str]) -> int:
    """Play the story; the exit code. The last line on stdout is one JSON object."""
    with tempfile.TemporaryDirectory(prefix="polaris-demo-") as temporary:
        data = options.data or Path(temporary)
        data.mkdir(parents=True, exist_ok=True)
        stage = Stage(options, data, environment)
        try:
            await _play(stage)
            result = {"ok": True, **stage.figures}
        except Exception as error:  # noqa: BLE001 - the rim of the process: say it and end with 1
            log = data / "polaris.log"
            if log.exists():
                sys.stderr.write(log.read_text(errors="replace")[-4000:])
            sys.stderr.write(f"\nThe demo failed: {error!r}\n")
            result = {"ok": False, "error": str(error), **stage.figures}
    sys.stdout.write(json.dumps(result) + "\n")
    return 0 if result["ok"] else 1


async def _play(stage: Stage) -> None:
    """All scenes in their order. Raises: DemoFailed, StartFailed."""
    async with stage.open():
        for number, scene in enumerate(SCENES, 1):
            stage.screen.heading(f"{number}. {scene.title}")
            await scene.play(stage)
        stage.screen.table(stage.figures)
        if stage.options.stays:
            await stage.stay()
        else:
            stage.screen.note("To look at the project in a browser afterwards: make demo WEB=1")
