"""Traces: spans reach a collector over OTLP, with its headers; a dead one costs nothing."""

import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from app.backend import engine_of
from app.settings import Settings
from engine import Event


class Collector(ThreadingHTTPServer):
    """Takes spans as an OpenTelemetry collector does."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Taker)
        self.requests: list[tuple[str, str | None, bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Taker(BaseHTTPRequestHandler):
    server: Collector  # pyright: ignore[reportIncompatibleVariableOverride] - it is made by one

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.requests.append((self.path, self.headers.get("x-team"), body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Say nothing."""


@pytest.fixture
def collector() -> Generator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def settings_of(tmp_path: Path, endpoint: str | None) -> Settings:
    return Settings.model_validate(
        {
            "data_dir": tmp_path,
            "otlp_endpoint": endpoint,
            "otlp_headers": "x-team=polaris, other=1",
            "service_name": "polaris-test",
        }
    )


async def test_spans_reach_the_collector_by_the_end(tmp_path: Path, collector: Collector) -> None:
    async with engine_of(settings_of(tmp_path, collector.url), works=False) as engine:
        await engine.send(Event("test/traced"))
    [(path, team, body)] = collector.requests
    assert (path, team) == ("/v1/traces", "polaris")
    [resource] = ExportTraceServiceRequest.FromString(body).resource_spans
    names = {each.key: each.value.string_value for each in resource.resource.attributes}
    assert names["service.name"] == "polaris-test"
    spans = [span.name for scope in resource.scope_spans for span in scope.spans]
    assert spans == ["send test/traced"]


async def test_without_an_endpoint_nothing_is_sent(tmp_path: Path) -> None:
    async with engine_of(settings_of(tmp_path, None), works=False) as engine:
        sent = await engine.send(Event("test/traced"))
        assert (await engine.inspect.event(sent.event_id)).event.headers == {}


async def test_collector_that_is_not_there_costs_no_event(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with engine_of(settings_of(tmp_path, "http://127.0.0.1:9"), works=False) as engine:
        sent = await engine.send(Event("test/traced"))
        assert (await engine.inspect.event(sent.event_id)).event.name == "test/traced"
    assert "x-team" not in caplog.text
