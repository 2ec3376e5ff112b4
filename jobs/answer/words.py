"""Why an answer failed, in words for the person who waits for it."""

from agent.waiting import ProviderBusy
from engine import RunError, StepFailed
from llm.faults import (
    BudgetSpent,
    Misconfigured,
    ModelRefused,
    ModelUnauthorized,
    ModelUnavailable,
    ModelUnknown,
    NoModelConfigured,
    Overloaded,
    PromptTooLong,
    RateLimited,
    StreamBroken,
    Unreachable,
)
from llm.providers import PROVIDERS
from store.errors import AnswerTooLong, StoreUnavailable
from tools.workspace.port import DiskFull

_UNAVAILABLE = (
    "The AI model could not be reached, or could not answer, after several tries. "
    "Nothing you wrote is lost: try again in a few minutes."
)
_UNREACHABLE = (
    "The AI model could not be reached after several tries: there was no connection, or no sign "
    "of an answer in time. Nothing you wrote is lost: try again in a few minutes."
)
_OVERLOADED = (
    "The AI provider has too much to do or a fault of its own, also after several tries. "
    "Nothing you wrote is lost: try again in a few minutes."
)
_RATE_LIMITED = (
    "The AI provider accepts no more requests of this server for the moment. "
    "Nothing you wrote is lost: try again in a few minutes."
)
_MISCONFIGURED = (
    "What answers at the address of the AI provider is no model. Whoever runs this server has to "
    f"check the base URL in its settings ({', '.join(each.url_variable for each in PROVIDERS)})."
)
_NOT_CONFIGURED = (
    "No model is configured on this server. Whoever runs it has to set ANTHROPIC_API_KEY, "
    "OPENAI_API_KEY or another provider's key, or POLARIS_MODELS, and start it again."
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
_UNKNOWN_MODEL = (
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
    ModelUnavailable.code: ("model_unavailable", _UNAVAILABLE),
    Unreachable.code: ("unreachable", _UNREACHABLE),
    Overloaded.code: ("overloaded", _OVERLOADED),
    RateLimited.code: ("rate_limited", _RATE_LIMITED),
    Misconfigured.code: ("misconfigured", _MISCONFIGURED),
    NoModelConfigured.code: ("no_model", _NOT_CONFIGURED),
    StreamBroken.code: ("model_stream_broken", _BROKEN_OFF),
    ModelUnauthorized.code: ("model_unauthorized", _BAD_KEY),
    ModelRefused.code: ("model_refused", _REJECTED),
    ModelUnknown.code: ("model_unknown", _UNKNOWN_MODEL),
    BudgetSpent.code: ("model_budget_spent", _NO_CREDIT),
    PromptTooLong.code: ("prompt_too_long", _TOO_LONG),
    AnswerTooLong.code: ("answer_too_long", _ANSWER_TOO_LONG),
    StoreUnavailable.code: ("store_unavailable", _NO_STORE),
    DiskFull.code: ("disk_full", _NO_ROOM),
}


def failure_words(error: RunError | StepFailed) -> tuple[str, str]:
    """A code for programs and a text for people. Details stay in the log: they may hold secrets."""
    if error.code == ProviderBusy.code:
        return RateLimited.code, error.message  # our own sentence: it says when to try again
    return _WORDS.get(error.code or "", ("internal", _UNKNOWN))
