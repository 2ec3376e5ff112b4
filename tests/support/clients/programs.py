"""Programs with the official SDKs of others' platforms, run against the product."""

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.node import NODE
from tests.support.product import ROOT, environment

FOLDER = Path(__file__).parent
PROGRAM_S = 60.0


async def run_program(program: str, given: Mapping[str, Any], **env: str) -> Any:
    """Run a TypeScript or Python program of this folder with `given`; its JSON."""
    is_python = program.endswith(".py")
    process = await asyncio.create_subprocess_exec(
        *([sys.executable] if is_python else [str(NODE), "--no-warnings"]),
        str(FOLDER / program),
        json.dumps(given),
        cwd=ROOT,
        env=environment(**env),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(PROGRAM_S):
            out, said = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.communicate()
        raise
    assert process.returncode == 0, said.decode()[-3000:]
    return json.loads(out)
