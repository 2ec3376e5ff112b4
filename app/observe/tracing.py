"""Traces: spans of the engine, sent to an OpenTelemetry collector when one is named."""

from collections.abc import Generator
from contextlib import contextmanager

from app.settings.observing import ObservingSettings
from engine.telemetry import Telemetry

TIMEOUT_S = 3  # of one request, its repetitions included; the end of the process waits for it
PATH = "/v1/traces"  # where OTLP over HTTP takes spans, below the endpoint


@contextmanager
def tracing(settings: ObservingSettings) -> Generator[Telemetry | None]:
    """The middleware that makes spans, and what sends them in batches; None without an endpoint.

    What has not been sent when the block ends is sent then. A collector that does not answer costs
    spans, never a run.
    """
    if settings.otlp_endpoint is None:
        yield None
        return
    # The SDK takes a quarter of a second to import, which only those who want it have to wait.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - see above
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    headers = settings.otlp_headers.get_secret_value() if settings.otlp_headers else None
    exporter = OTLPSpanExporter(
        settings.otlp_endpoint.rstrip("/") + PATH, headers=_named(headers), timeout=TIMEOUT_S
    )
    resource = Resource({SERVICE_NAME: settings.service_name})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    try:
        yield Telemetry(provider)
    finally:
        provider.shutdown()


def _named(headers: str | None) -> dict[str, str] | None:
    """`name=value` pairs, comma-separated, as OpenTelemetry writes them."""
    if headers is None:
        return None
    pairs = (pair.partition("=") for pair in headers.split(",") if pair.strip())
    return {name.strip(): value.strip() for name, _, value in pairs}
