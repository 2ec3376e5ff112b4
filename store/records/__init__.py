"""What the store returns: frozen records, one per kind of row or answer.

`store.rows` makes function results into records, once: camelCase keys, floats for whole numbers and
milliseconds for instants on the wire; snake_case, `int` and aware UTC `datetime` here. An absent
field is None. tests/contracts/convex/test_records.py compares them with what convex/ returns.
"""

from store.records.context import EarlierMessages, HistoryMessage, MessageContext
from store.records.conversations import (
    BusyPolicy,
    Cancelled,
    Conversation,
    Message,
    MessageStatus,
    SentMessage,
)
from store.records.files import (
    DeletedFile,
    FileChanges,
    FileContent,
    FileEdit,
    FileEntry,
    FileKind,
    FileMode,
    NewFolder,
    NewMode,
    RenamedFile,
    WrittenFile,
)
from store.records.generating import (
    Check,
    ProjectGeneration,
    RequestedGeneration,
    Verification,
    VerificationState,
)
from store.records.generations import DeltaKind, DeltaPage, DeltaRun, Generation, Lease
from store.records.outbox import OutboxEvent
from store.records.pages import Page
from store.records.projects import (
    ExportStatus,
    GenerationEvent,
    ImportStatus,
    Project,
    ProjectSettings,
    Transfer,
)
from store.records.turns import (
    KeptResult,
    NewToolCall,
    ToolCallRecord,
    ToolCallStatus,
    TurnPart,
    TurnRecord,
)

__all__ = [
    "BusyPolicy",
    "Cancelled",
    "Check",
    "Conversation",
    "DeletedFile",
    "DeltaKind",
    "DeltaPage",
    "DeltaRun",
    "EarlierMessages",
    "ExportStatus",
    "FileChanges",
    "FileContent",
    "FileEdit",
    "FileEntry",
    "FileKind",
    "FileMode",
    "Generation",
    "GenerationEvent",
    "HistoryMessage",
    "ImportStatus",
    "KeptResult",
    "Lease",
    "Message",
    "MessageContext",
    "MessageStatus",
    "NewFolder",
    "NewMode",
    "NewToolCall",
    "OutboxEvent",
    "Page",
    "Project",
    "ProjectGeneration",
    "ProjectSettings",
    "RenamedFile",
    "RequestedGeneration",
    "SentMessage",
    "ToolCallRecord",
    "ToolCallStatus",
    "Transfer",
    "TurnPart",
    "TurnRecord",
    "Verification",
    "VerificationState",
    "WrittenFile",
]
