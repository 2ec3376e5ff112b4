"""Every job of the product; the wiring hands them to the engine."""

from typing import Any

from engine import Job
from jobs.generate.generate_project import generate_project
from jobs.message.process_message import process_message

JOBS: tuple[Job[Any, Any], ...] = (process_message, generate_project)
