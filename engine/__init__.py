"""Durable jobs in Inngest's words, on DBOS: events, steps, retries, cancellation, flow control."""

from engine.concurrency import Concurrency
from engine.cron import Cron
from engine.current import StepInfo, current_step
from engine.engine import Engine
from engine.errors import (
    BadDatabase,
    BadEvent,
    BadExpression,
    BadJob,
    CannotReplay,
    DatabaseAway,
    DatabaseFull,
    DatabaseInUse,
    DatabaseTooNew,
    EngineNotRunning,
    ErrorCause,
    InvokeTimeout,
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
from engine.inspection.run_info import RunInfo, StepRecord
from engine.job import Job, job
from engine.jobref import JobRef
from engine.middleware import Middleware, RunCall, RunEnd, StepCall
from engine.options import (
    Batch,
    Debounce,
    FlowOptions,
    RateLimit,
    Singleton,
    Throttle,
    Timeouts,
)
from engine.realtime.channels import BadChannel, BadMessage, Channel, Topic
from engine.realtime.hub import Messages, TooManySubscriptions, TooSlow
from engine.realtime.messages import Message, Saying
from engine.realtime.publisher import NotListening
from engine.realtime.tokens import BadToken
from engine.retry import RetryPolicy
from engine.status import RunStatus
from engine.steps.context import FailureContext, JobContext, RunError
from engine.steps.plain import PlainFailureContext, PlainJobContext
from engine.storage.database import Database, PostgresDatabase, SqliteDatabase
from engine.storage.encryption import BadKey, Encryption, KeyMissing, KeyUnknownElsewhere
from engine.triggers import CancelOn, On

__all__ = [
    "CANCELLED",
    "FAILED",
    "FINISHED",
    "BadChannel",
    "BadDatabase",
    "BadEvent",
    "BadExpression",
    "BadJob",
    "BadKey",
    "BadMessage",
    "BadToken",
    "Batch",
    "CancelOn",
    "CannotReplay",
    "Channel",
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
    "ErrorCause",
    "Event",
    "EventData",
    "FailureContext",
    "FlowOptions",
    "InvokeTimeout",
    "Job",
    "JobContext",
    "JobRef",
    "KeyMissing",
    "KeyUnknownElsewhere",
    "Message",
    "Messages",
    "Middleware",
    "NoSuchJob",
    "NoSuchRun",
    "NoSuchStep",
    "NonRetriable",
    "NotListening",
    "NotProvided",
    "On",
    "PlainFailureContext",
    "PlainJobContext",
    "PostgresDatabase",
    "RateLimit",
    "ReceivedEvent",
    "RetryAfter",
    "RetryPolicy",
    "RunCall",
    "RunCancelled",
    "RunEnd",
    "RunError",
    "RunFailed",
    "RunInfo",
    "RunStatus",
    "Saying",
    "SentEvent",
    "Singleton",
    "SqliteDatabase",
    "StepCall",
    "StepFailed",
    "StepInfo",
    "StepRecord",
    "Throttle",
    "Timeouts",
    "TooManySubscriptions",
    "TooSlow",
    "Topic",
    "current_step",
    "job",
]
