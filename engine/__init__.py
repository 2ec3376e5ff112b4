"""Durable jobs in Inngest's words, on DBOS: events, steps, retries, cancellation, flow control."""

from engine.context import FailureContext, JobContext, RunError
from engine.cron import Cron
from engine.current import StepInfo, current_step
from engine.database import Database, PostgresDatabase, SqliteDatabase
from engine.encryption import BadKey, Encryption, KeyMissing, KeyUnknownElsewhere
from engine.engine import Engine
from engine.errors import (
    BadEvent,
    BadExpression,
    BadJob,
    CannotReplay,
    DatabaseAway,
    DatabaseFull,
    DatabaseInUse,
    DatabaseTooNew,
    EngineNotRunning,
    NonRetriable,
    NoSuchJob,
    NoSuchRun,
    NoSuchStep,
    NotProvided,
    RetryAfter,
    RunCancelled,
    RunFailed,
    StepFailed,
)
from engine.events import CANCELLED, FAILED, FINISHED, Event, EventData, ReceivedEvent, SentEvent
from engine.job import CancelOn, Concurrency, Job, On, job
from engine.middleware import Middleware, RunCall, StepCall
from engine.options import (
    Batch,
    Debounce,
    FlowOptions,
    RateLimit,
    Singleton,
    Throttle,
    Timeouts,
)
from engine.retry import RetryPolicy
from engine.runs import RunInfo, RunStatus, StepRecord

__all__ = [
    "CANCELLED",
    "FAILED",
    "FINISHED",
    "BadEvent",
    "BadExpression",
    "BadJob",
    "BadKey",
    "Batch",
    "CancelOn",
    "CannotReplay",
    "Concurrency",
    "Cron",
    "Database",
    "DatabaseAway",
    "DatabaseFull",
    "DatabaseInUse",
    "DatabaseTooNew",
    "Debounce",
    "Encryption",
    "Engine",
    "EngineNotRunning",
    "Event",
    "EventData",
    "FailureContext",
    "FlowOptions",
    "Job",
    "JobContext",
    "KeyMissing",
    "KeyUnknownElsewhere",
    "Middleware",
    "NoSuchJob",
    "NoSuchRun",
    "NoSuchStep",
    "NonRetriable",
    "NotProvided",
    "On",
    "PostgresDatabase",
    "RateLimit",
    "ReceivedEvent",
    "RetryAfter",
    "RetryPolicy",
    "RunCall",
    "RunCancelled",
    "RunError",
    "RunFailed",
    "RunInfo",
    "RunStatus",
    "SentEvent",
    "Singleton",
    "SqliteDatabase",
    "StepCall",
    "StepFailed",
    "StepInfo",
    "StepRecord",
    "Throttle",
    "Timeouts",
    "current_step",
    "job",
]
