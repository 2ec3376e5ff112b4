"""What the functions in convex/ ask of a deployment."""

import re
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "convex"


def variables_read_by_convex() -> set[str]:
    """Environment variables that a deployment must be given."""
    sources = [path for path in FOLDER.rglob("*.ts") if "_generated" not in path.parts]
    return {
        name for path in sources for name in re.findall(r"process\.env\.(\w+)", path.read_text())
    }
