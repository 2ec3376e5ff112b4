"""The README's first command, to its end, and what it leaves open to be looked at."""

import asyncio
import json
import re
import signal
import sys
from pathlib import Path

import aiohttp
import pytest

from tests.support.product import environment

OPEN = re.compile(r"The project is open at (http://127\.0\.0\.1:\d+/p/\w+)#token=")
MINUTES_S = 400.0  # one on a quiet machine


@pytest.mark.thorough
@pytest.mark.timeout(600)
async def test_the_demo_ends_well_and_its_project_can_be_looked_at(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app.main", "demo", "--web"),
        cwd=tmp_path,
        env=environment(),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    last = b""
    try:
        async with asyncio.timeout(MINUTES_S), aiohttp.ClientSession() as browser:
            async for line in process.stdout:
                if (told := OPEN.search(line.decode())) is not None:
                    async with browser.get(told[1]) as page:
                        assert page.status == 200
                        assert page.content_type == "text/html"
                    process.send_signal(signal.SIGINT)
                last = line
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    result = json.loads(last)
    assert result["ok"], result
    assert (result["lost_chars"], result["duplicate_effects"]) == (0, 0)
