"""Running the scripted model until a signal stops it."""

import asyncio
import json
import logging
import signal
import sys
from pathlib import Path

from aiohttp import web

from llm.scripted.scenario import Scenario, load_scenario
from llm.scripted.server import ScriptedServer

SHUTDOWN_S = 1.0  # streams under way are cut after it


async def start(server: ScriptedServer, *, port: int = 0) -> tuple[web.AppRunner, str]:
    """Listen on loopback, port 0 is any free one; gives the runner to clean up, and the URL."""
    runner = web.AppRunner(
        server.app(), handler_cancellation=True, access_log=None, shutdown_timeout=SHUTDOWN_S
    )
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    host, bound = runner.addresses[0][:2]
    return runner, f"http://{host}:{bound}"


async def serve(scenario: Scenario, *, port: int = 0) -> None:
    """Serve until SIGTERM or SIGINT; prints the ready line `{"url": …}` once it listens."""
    runner, url = await start(ScriptedServer(scenario), port=port)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        sys.stdout.write(
            json.dumps({"url": url, "scenario": scenario.name, "scripted": True}) + "\n"
        )
        sys.stdout.flush()
        await stop.wait()
    finally:
        await runner.cleanup()


def run(scenario_path: Path, *, port: int = 0) -> None:
    """The whole process: read the scenario, log to stderr, serve.

    Raises:
        InvalidScenario: the file cannot be used.
    """
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s %(message)s"
    )
    asyncio.run(serve(load_scenario(scenario_path), port=port))
