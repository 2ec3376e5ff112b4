"""Durable jobs in Inngest's words, on DBOS: events, steps, retries, cancellation, flow control."""

from engine.context import FailureContext, JobContext, RunError
from engine.cron import Cron
from engine.current import StepInfo, current_step
from engine.database import Database, PostgresDatabase, SqliteDatabase
from engine.engine import Engine
from engine.errors import (
    BadEvent,
    BadExpression,
    BadJob,
    CannotReplay,
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
from engine.realtime.messages import Message
from engine.realtime.publisher import NotListening
from engine.realtime.tokens import BadToken
from engine.retry import RetryPolicy
from engine.runs import RunInfo, RunStatus, StepRecord

__all__ = [
    "CANCELLED",
    "FAILED",
    "FINISHED",
    "BadChannel",
    "BadEvent",
    "BadExpression",
    "BadJob",
    "BadMessage",
    "BadToken",
    "Batch",
    "CancelOn",
    "CannotReplay",
    "Channel",
    "Concurrency",
    "Cron",
    "Database",
    "DatabaseInUse",
    "DatabaseTooNew",
    "Debounce",
    "Engine",
    "EngineNotRunning",
    "Event",
    "EventData",
    "FailureContext",
    "FlowOptions",
    "Job",
    "JobContext",
    "Message",
    "Messages",
    "NoSuchJob",
    "NoSuchRun",
    "NoSuchStep",
    "NonRetriable",
    "NotListening",
    "NotProvided",
    "On",
    "PostgresDatabase",
    "RateLimit",
    "ReceivedEvent",
    "RetryAfter",
    "RetryPolicy",
    "RunCancelled",
    "RunError",
    "RunFailed",
    "RunInfo",
    "RunStatus",
    "SentEvent",
    "Singleton",
    "SqliteDatabase",
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
