"""What jobs are, in words and numbers for people and tools."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, cast

from engine.concurrency import ConcurrencyRule
from engine.cron import TICK
from engine.duration import seconds_of
from engine.inspection.jobs import CancelTrigger, EventTrigger, JobDefinition, Limit
from engine.job import Job
from engine.options import Flow, Option

TIMES = frozenset({"period", "timeout", "start", "finish"})
"""Fields of flow control that are durations."""


def definition_of(job: Job[Any, Any]) -> JobDefinition:
    """What its code says of a job."""
    return JobDefinition(
        job_id=job.id,
        events=tuple(
            EventTrigger(rule.pattern, _source(rule.when), rule.model)
            for rule in job.triggers
            if not rule.pattern.startswith(TICK)
        ),
        crons=job.crons,
        cancel_on=tuple(
            CancelTrigger(rule.event_name, rule.match, _source(rule.when), rule.timeout_s)
            for rule in job.cancel_on
        ),
        concurrency=tuple(map(_limit, job.concurrency)),
        retries=job.retry.max_attempts - 1,
        handles_failure=job.on_failure is not None,
        flow=_flow(job.flow),
    )


def _source(expression: Any) -> str | None:
    return None if expression is None else expression.source


def _limit(rule: ConcurrencyRule) -> Limit:
    scope = "fn" if rule.prefix.startswith("fn:") else rule.prefix
    return Limit(rule.limit, _source(rule.key), scope, rule.counts)


def _flow(flow: Flow) -> Mapping[str, Any]:
    given = cast("Mapping[str, Option | str]", flow.options)
    return {
        name: option if isinstance(option, str) else _fields(option)
        for name, option in given.items()
    }


def _fields(option: Option) -> dict[str, Any]:
    """The fields of an option that are set, durations in seconds."""
    given: Any = option
    return {
        f"{name}_s" if name in TIMES else name: seconds_of(value) if name in TIMES else value
        for name, value in asdict(given).items()
        if value is not None
    }
