"""Why an answer failed, in words for the person who waits for it."""

from engine import RunError
from llm.faults import (
    BudgetSpent,
    ModelRefused,
    ModelUnauthorized,
    ModelUnavailable,
    ModelUnknown,
    PromptTooLong,
    StreamBroken,
)
from store.errors import AnswerTooLong, StoreUnavailable
from tools.workspace import DiskFull

_UNREACHABLE = (
    "The AI model could not be reached after several tries. "
    "Nothing you wrote is lost: try again in a few minutes."
)
_BROKEN_OFF = (
    "The AI model kept breaking off in the middle of its answer. Try again in a few minutes."
)
_BAD_KEY = (
    "The AI provider does not accept the API key of this server. "
    "Whoever runs it has to set a valid key."
)
_REJECTED = (
    "The AI provider rejected the request. Try a shorter message or a new conversation; "
    "if that fails too, the server's model settings are wrong."
)
_NO_MODEL = (
    "The AI provider does not know the model that this server asks for. "
    "Whoever runs it has to choose another in POLARIS_MODELS."
)
_NO_CREDIT = (
    "The account with the AI provider has no credit left or has reached its limit. "
    "Whoever runs this server has to top it up."
)
_TOO_LONG = "This conversation has become too long for the AI model. Go on in a new conversation."
_ANSWER_TOO_LONG = (
    "This answer has become too long. The changes made so far are kept; "
    "write “continue” to go on in a new one."
)
_NO_STORE = (
    "The database could not be reached for a while, so the answer could not be kept. Try again."
)
_NO_ROOM = "The server has no room left for the project's files. Whoever runs it has to free some."
_UNKNOWN = (
    "Something went wrong on the server while answering. The changes made so far are kept; "
    "try again, and tell whoever runs the server if it happens twice."
)

_WORDS: dict[str, tuple[str, str]] = {
    ModelUnavailable.code: ("model_unavailable", _UNREACHABLE),
    StreamBroken.code: ("model_stream_broken", _BROKEN_OFF),
    ModelUnauthorized.code: ("model_unauthorized", _BAD_KEY),
    ModelRefused.code: ("model_refused", _REJECTED),
    ModelUnknown.code: ("model_unknown", _NO_MODEL),
    BudgetSpent.code: ("model_budget_spent", _NO_CREDIT),
    PromptTooLong.code: ("prompt_too_long", _TOO_LONG),
    AnswerTooLong.code: ("answer_too_long", _ANSWER_TOO_LONG),
    StoreUnavailable.code: ("store_unavailable", _NO_STORE),
    DiskFull.code: ("disk_full", _NO_ROOM),
}


def failure_words(error: RunError) -> tuple[str, str]:
    """A code for programs and a text for people. Details stay in the log: they may hold secrets."""
    return _WORDS.get(error.code or "", ("internal", _UNKNOWN))
