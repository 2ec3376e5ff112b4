"""OpenTelemetry: a span for each send, each execution of a run, and each step that executes.

The trace travels in the headers of events (W3C `traceparent`), so runs, their children and what
they send are in the trace of whoever sent the first event, across processes and restarts. Spans
carry ids and names, never data or texts of errors.
"""

import asyncio
import hashlib
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, StatusCode, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from engine.events import ReceivedEvent, SentEvent
from engine.middleware import Events, Middleware, Run, RunCall, Send, Step, StepCall

PROPAGATOR = TraceContextTextMapPropagator()
SCOPE = "polaris.engine"

Attributes = Mapping[str, str | int | bool]


class Telemetry(Middleware):
    """Put it first, so that what other middleware does is in the spans, too.

    Args:
        provider: where spans go; the one set globally if none is given.
    """

    def __init__(self, provider: trace.TracerProvider | None = None) -> None:
        self._tracer = trace.get_tracer(SCOPE, tracer_provider=provider)

    async def on_send(self, events: Events, proceed: Send) -> list[SentEvent]:
        """A producer span; its context goes with the events that bring none."""
        names = sorted({event.name for event in events})
        attributes = {"engine.event.names": ",".join(names), "engine.event.count": len(events)}
        title = f"send {names[0]}" if len(names) == 1 else "send"
        with self._span(title, attributes, kind=SpanKind.PRODUCER):
            headers: dict[str, str] = {}
            PROPAGATOR.inject(headers)
            traced = [replace(each, headers={**headers, **each.headers}) for each in events]
            return await proceed(tuple(traced))

    async def on_run(self, call: RunCall, proceed: Run) -> Any:
        """A consumer span, in the trace of the event; other events of a batch are linked."""
        attributes = {
            "engine.run.id": call.run_id,
            "engine.job.id": call.job_id,
            "engine.event.id": call.event.id,
            "engine.event.name": call.event.name,
            "engine.attempt": call.attempt,
            "engine.replays": call.replays,
        }
        title = f"{'failure of' if call.is_failure_handler else 'run'} {call.job_id}"
        others = [_sent_by(event) for event in call.events if event.id != call.event.id]
        links = [Link(each) for each in others if each is not None]
        parent = trace.set_span_in_context(
            trace.NonRecordingSpan(_sent_by(call.event) or _made_up(call.run_id)), Context()
        )
        with self._span(title, attributes, kind=SpanKind.CONSUMER, parent=parent, links=links):
            return await proceed(call)

    async def on_step(self, call: StepCall, proceed: Step) -> Any:
        """An internal span for each attempt."""
        attributes = {
            "engine.run.id": call.run_id,
            "engine.job.id": call.job_id,
            "engine.step.id": call.step_id,
            "engine.step.kind": call.kind,
            "engine.attempt": call.attempt,
        }
        with self._span(f"step {call.step_id}", attributes):
            return await proceed(call)

    @contextmanager
    def _span(
        self,
        title: str,
        attributes: Attributes,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        parent: Context | None = None,
        links: list[Link] | None = None,
    ) -> Generator[Span]:
        with self._tracer.start_as_current_span(
            title,
            context=parent,
            kind=kind,
            attributes=attributes,
            links=links,
            record_exception=False,  # the text of an error may hold anything
            set_status_on_exception=False,
        ) as span:
            try:
                yield span
            except asyncio.CancelledError:
                span.set_attribute("engine.interrupted", True)
                raise
            except BaseException as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(StatusCode.ERROR)
                raise


def _sent_by(event: ReceivedEvent[Any]) -> SpanContext | None:
    context = PROPAGATOR.extract(event.headers, Context())
    found = trace.get_current_span(context).get_span_context()
    return found if found.is_valid else None


def _made_up(run_id: str) -> SpanContext:
    """The same for each execution of a run that nobody's trace has started: a cron's, say."""
    digest = hashlib.sha256(run_id.encode()).digest()
    return SpanContext(
        trace_id=int.from_bytes(digest[:16]),
        span_id=int.from_bytes(digest[16:24]),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )
