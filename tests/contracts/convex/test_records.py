"""The records of `store/` are what the functions of `convex/` return, field by field."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from pydantic.alias_generators import to_camel

from core.ids import (
    AskId,
    AttachmentId,
    CheckpointId,
    ConversationId,
    FileId,
    MessageId,
    ProjectGenerationId,
    ProjectId,
)
from core.node import NODE
from store.records import (
    AboutAccount,
    AnsweredAsk,
    Ask,
    Cancelled,
    CancelledTransfers,
    Checkpoint,
    CheckpointDetail,
    Condensation,
    Conversation,
    ConversationHead,
    DeltaPage,
    EarlierMessages,
    FileChanges,
    FileEntry,
    FollowedMessage,
    FollowedStream,
    ForkStep,
    Generation,
    GenerationEvent,
    GithubAccount,
    KeptResult,
    KeptTurn,
    Lease,
    McpHolder,
    McpServer,
    Means,
    Message,
    MessageContext,
    OpenRequest,
    OutboxEvent,
    Page,
    PlanUsage,
    Project,
    ProjectGeneration,
    RequestedExport,
    RequestedGeneration,
    RequestedImport,
    RestoreStep,
    Reviewed,
    SentMessage,
    ShownPart,
    SteerRecord,
    TaskAnswer,
    Todos,
    ToolCallRecord,
    Transfer,
    Upload,
    UsageSummary,
)

ROOT = Path(__file__).parents[3]
RESULTS: Mapping[str, Any] = {
    "system/account:about": AboutAccount,
    "system/accounts:get": GithubAccount | None,
    "system/asks:answer": AnsweredAsk,
    "system/asks:list": tuple[Ask, ...],
    "system/asks:ofMessage": tuple[Ask, ...],
    "system/asks:open": Ask,
    "system/asks:settle": Ask,
    "system/attachments:keep": Upload,
    "system/checkpoints:get": CheckpointDetail,
    "system/checkpoints:list": Page[Checkpoint],
    "system/checkpoints:restore": RestoreStep,
    "system/checkpoints:review": Reviewed,
    "system/conversations:keyed": Conversation | None,
    "system/conversations:chooseModel": Conversation,
    "system/conversations:create": Conversation,
    "system/conversations:get": Conversation,
    "system/conversations:list": Page[Conversation],
    "system/conversations:rename": Conversation,
    "system/conversations:setBudget": Conversation,
    "system/conversations:todos": Todos | None,
    "system/events:latest": tuple[GenerationEvent, ...],
    "system/entries:folder": tuple[FileEntry, ...],
    "system/entries:get": FileEntry,
    "system/entries:save": FileEntry,
    "system/entries:way": tuple[FileEntry, ...],
    "system/files:changes": FileChanges,
    "system/files:list": Page[FileEntry],
    "system/files:makeFolder": FileEntry,
    "system/files:rename": FileEntry,
    "system/files:stat": FileEntry,
    "system/files:write": FileEntry,
    "system/following:heads": tuple[ConversationHead | None, ...],
    "system/following:messages": tuple[FollowedMessage, ...],
    "system/following:stream": FollowedStream | None,
    "system/forking:edit": ForkStep,
    "system/generating:cancel": tuple[OutboxEvent, ...],
    "system/generating:get": ProjectGeneration,
    "system/generating:latest": ProjectGeneration | None,
    "system/generating:request": RequestedGeneration,
    "system/generations:get": Generation | None,
    "system/generations:stale": tuple[Generation, ...],
    "system/mcp:holder": McpHolder | None,
    "system/mcp:servers": tuple[McpServer, ...],
    "system/messages:cancel": Cancelled,
    "system/messages:condensations": tuple[Condensation, ...],
    "system/messages:context": MessageContext,
    "system/messages:deltas": DeltaPage,
    "system/messages:parts": tuple[ShownPart, ...],
    "system/messages:earlier": EarlierMessages,
    "system/messages:get": Message,
    "system/messages:list": Page[Message],
    "system/messages:retry": SentMessage,
    "system/messages:send": SentMessage,
    "system/messages:sendFirst": SentMessage,
    "system/messages:toolCalls": tuple[ToolCallRecord, ...],
    "system/outbox:pending": tuple[OutboxEvent, ...],
    "system/plans:usage": PlanUsage,
    "system/projects:configure": Project,
    "system/projects:create": Project,
    "system/projects:get": Project,
    "system/projects:list": Page[Project],
    "system/conversations:remove": tuple[OutboxEvent, ...],
    "system/projects:remove": tuple[OutboxEvent, ...],
    "system/projects:rename": Project,
    "system/projects:restore": Project,
    "system/requests:stale": tuple[OpenRequest, ...],
    "system/streaming:begin": Lease,
    "system/streaming:complete": Message,
    "system/streaming:fail": Message,
    "system/streaming:finishToolCall": KeptResult,
    "system/streaming:recordTurn": KeptTurn,
    "system/streaming:waitUntil": tuple[SteerRecord, ...],
    "system/pulls:request": RequestedExport,
    "system/tasks:list": tuple[TaskAnswer, ...],
    "system/transfers:cancel": CancelledTransfers,
    "system/transfers:finish": Transfer,
    "system/transfers:latest": tuple[Transfer, ...],
    "system/transfers:requestExport": RequestedExport,
    "system/transfers:requestImport": RequestedImport,
    "system/transfers:start": Transfer,
    "system/usage:means": Means,
    "system/usage:summary": UsageSummary,
}
# Read by hand: batches that say whether there is more, bytes that may have to be fetched; and parts
# of results, which tests/jobs/answer/test_parts.py holds to those of tools.
NO_RECORDS = {
    "system/account:page",
    "system/account_deletion:removeProjects",
    "system/account_deletion:removeRows",
    "system/account_deletion:request",
    "system/checkpoints:undoable",
    "system/files:read",
    "system/files:readMany",
    "system/files:remove",
    "system/messages:cancelProject",
    "system/messages:resultParts",
}
IDS = {
    "asks": AskId,
    "checkpoints": CheckpointId,
    "projects": ProjectId,
    "files": FileId,
    "conversations": ConversationId,
    "messages": MessageId,
    "projectGenerations": ProjectGenerationId,
    "uploads": AttachmentId,
}


@pytest.fixture(scope="module")
def returned(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """Path of a function → its validator of results."""
    place = tmp_path_factory.mktemp("bundled")
    program = Path(__file__).with_name("returns.ts")
    printed = subprocess.run(  # noqa: S603 - our own program
        [NODE, program, ROOT / "convex", place], capture_output=True, check=True
    )
    return json.loads(printed.stdout)


@pytest.mark.parametrize("path", RESULTS)
def test_record_is_what_the_function_returns(path: str, returned: Mapping[str, Any]) -> None:
    assert differences(returned[path], RESULTS[path], path) == []


def test_every_function_that_returns_an_object_has_its_record(returned: Mapping[str, Any]) -> None:
    with_objects = {
        path
        for path, validator in returned.items()
        if path.startswith("system/") and '"object"' in json.dumps(validator)
    }
    assert with_objects == RESULTS.keys() | NO_RECORDS


def test_differences_are_found() -> None:
    page = {
        "type": "object",
        "value": {
            "items": field({"type": "array", "value": {"type": "number"}}),
            "nextCursor": field({"type": "string"}),
            "hasMore": field({"type": "boolean"}, optional=True),
        },
    }
    assert differences(page, Page[str], "page") == [
        "page.hasMore is not in Page",
        "page.items[] is number, not <class 'str'>",
        "page.nextCursor may be missing on one side only",
    ]


def field(validator: object, *, optional: bool = False) -> dict[str, object]:
    return {"fieldType": validator, "optional": optional}


def differences(validator: Any, kind: Any, place: str) -> list[str]:
    """How what a validator lets through differs from what a type of ours holds."""
    kind, may_be_none = without_none(kind)
    validator, may_be_null = without_null(validator)
    found = [f"{place} may be null on one side only"] if may_be_none != may_be_null else []
    match validator["type"]:
        case "object" if is_dataclass(get_origin(kind) or kind):
            return found + differences_of_fields(validator["value"], kind, place)
        case "array" if get_origin(kind) is tuple:
            return found + differences(validator["value"], get_args(kind)[0], f"{place}[]")
        case "record" if get_origin(kind) is Mapping:
            name, value = get_args(kind)
            return [
                *found,
                *differences(validator["keys"], name, f"{place}{{}}"),
                *differences(validator["values"]["fieldType"], value, f"{place}{{}}"),
            ]
        case "union":
            alternatives = values_of(validator), kind_values(kind)
            return (
                found
                if alternatives[0] == alternatives[1]
                else [*found, f"{place}: {alternatives}"]
            )
        case _ if is_same(validator, kind):
            return found
        case other:
            return [*found, f"{place} is {other}, not {kind}"]


def differences_of_fields(described: Mapping[str, Any], record: Any, place: str) -> list[str]:
    kinds = kinds_of(record)
    has_default = {
        to_camel(each.name) for each in fields(get_origin(record) or record) if is_filled(each)
    }
    found = [
        f"{place}.{name} is not in {record.__name__}" for name in described.keys() - kinds.keys()
    ]
    found += [f"{place}.{name} is not returned" for name in kinds.keys() - described.keys()]
    for name in sorted(described.keys() & kinds.keys()):
        inner, may_be_none = without_none(kinds[name])
        validator, may_be_null = without_null(described[name]["fieldType"])
        is_optional = described[name]["optional"]
        if may_be_none != (is_optional or may_be_null) or (is_optional and name not in has_default):
            found.append(f"{place}.{name} may be missing on one side only")
        found += differences(validator, inner, f"{place}.{name}")
    return found


def kinds_of(record: Any) -> dict[str, Any]:
    """Name on the wire → type, with the parameter of a generic record filled in."""
    hints = get_type_hints(get_origin(record) or record)
    filled = dict(
        zip(getattr(get_origin(record), "__parameters__", ()), get_args(record), strict=True)
    )
    return {to_camel(name): with_parameters(kind, filled) for name, kind in hints.items()}


def with_parameters(kind: Any, filled: Mapping[Any, Any]) -> Any:
    if kind in filled:
        return filled[kind]
    parameters = getattr(kind, "__parameters__", ())
    return kind[tuple(filled[parameter] for parameter in parameters)] if parameters else kind


def is_filled(record_field: Any) -> bool:
    return any(
        "MISSING" not in repr(made) for made in (record_field.default, record_field.default_factory)
    )


def without_none(kind: Any) -> tuple[Any, bool]:
    if get_origin(kind) not in {Union, UnionType} or NoneType not in get_args(kind):
        return kind, False
    others = tuple(each for each in get_args(kind) if each is not NoneType)
    return (others[0] if len(others) == 1 else Union[others]), True  # noqa: UP007 - known when run


def without_null(validator: Any) -> tuple[Any, bool]:
    if validator["type"] != "union" or {"type": "null"} not in validator["value"]:
        return validator, False
    others = [each for each in validator["value"] if each != {"type": "null"}]
    return (others[0] if len(others) == 1 else {"type": "union", "value": others}), True


def values_of(validator: Any) -> set[str]:
    """The literals of a union, unions inside of it too, or the names of its types."""
    if validator["type"] == "union":
        return {value for each in validator["value"] for value in values_of(each)}
    return {str(validator.get("value", validator["type"]))}


def kind_values(kind: Any) -> set[str]:
    if get_origin(kind) is Literal:
        return set(get_args(kind))
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return {str(each) for each in kind}
    names = {str: "string", int: "number", float: "number", bool: "boolean"}
    return {names.get(each, str(each)) for each in get_args(kind)}


def is_same(validator: Any, kind: Any) -> bool:
    match validator["type"]:
        case "id":
            return kind is IDS.get(validator["tableName"], str)
        case "string":
            return getattr(kind, "__supertype__", kind) is str
        case "number":
            return kind in {int, float, datetime}
        case "boolean":
            return kind is bool
        case _:
            return False
