"""Lines of the log hold other people's texts."""

import asyncio
import logging
import sys

import pytest

from app.observe.logs import JsonFormatter, TextFormatter

FORGED = "/a\n00:00:00 ERROR forged\r\x1b[2J\x00\u2028\u202e\ud800"


def record() -> logging.LogRecord:
    fields = {"msg": "request", "levelname": "INFO", "name": "app", "path": FORGED}
    return logging.makeLogRecord(fields)


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()], ids=["text", "json"])
def test_a_path_makes_no_line_of_its_own(formatter: logging.Formatter) -> None:
    line = formatter.format(record())
    assert not set(line) & set("\n\r\x1b\x00")
    assert r"\n00:00:00 ERROR forged\r" in line


def test_an_error_keeps_its_own_lines() -> None:
    error = ValueError("wrong")
    info = (type(error), error, error.__traceback__)
    broken = logging.makeLogRecord(
        {"msg": "broke", "name": "root", "levelname": "ERROR", "exc_info": info}
    )
    assert TextFormatter().format(broken).endswith("[root]\nValueError: wrong")


@pytest.mark.timeout(60)
async def test_the_sdks_log_no_requests_even_at_debug() -> None:
    """They would log whole conversations. A process has one logging, so this is another."""
    code = (
        "import logging; from app.observe.logs import set_up_logging; "
        "set_up_logging('DEBUG', 'text'); "
        "names = ('openai._base_client', 'anthropic._base_client', 'httpx2', 'jobs'); "
        "print([logging.getLogger(name).isEnabledFor(logging.INFO) for name in names])"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert output.decode().strip() == "[False, False, False, True]"
