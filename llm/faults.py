"""Why a model gives no answer: one class and one stable `code` for each cause.

ModelUnavailable (may pass, nothing was yielded; itself: the provider has a fault of its own):
    RateLimited, Overloaded, Unreachable
StreamBroken (may pass, something was yielded)
ModelRefused (trying again will not help): ModelUnauthorized, ModelUnknown, BudgetSpent,
    PromptTooLong, Misconfigured, NoModelConfigured
"""

from datetime import datetime

from core.errors import Refused, Transient
from core.usage import Usage


class ModelUnavailable(Transient):
    """The provider cannot answer now, and nothing of an answer was yielded.

    Before `retry_at` (aware, UTC) asking again is useless: the provider forbids it. None where it
    named no time. `retry_after_s` is the same as seconds from when the error was raised.
    """

    code = "model_unavailable"

    def __init__(
        self,
        message: str,
        *,
        retry_after_s: float | None = None,
        retry_at: datetime | None = None,
    ) -> None:
        super().__init__(message, retry_after_s=retry_after_s)
        self.retry_at = retry_at


class RateLimited(ModelUnavailable):
    """The account has asked too much.

    `retry_at` is always set; where the provider named no time, `retry_after_s` is None and
    `retry_at` a minute away, which is the time that most quotas are counted in.
    """

    code = "rate_limited"

    def __init__(
        self, message: str, *, retry_at: datetime, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message, retry_after_s=retry_after_s, retry_at=retry_at)
        self.retry_at: datetime = retry_at


class Overloaded(ModelUnavailable):
    """The provider has too much to do."""

    code = "overloaded"


class Unreachable(ModelUnavailable):
    """No connection, no sign of an answer in time, or a connection that broke."""

    code = "unreachable"


class StreamBroken(Transient):
    """The answer stopped in the middle; what was yielded is no finished turn.

    `usage` is what the provider had said until then that it took: it is paid for all the same.
    """

    code = "model_stream_broken"
    usage: Usage = Usage()


class ModelRefused(Refused):
    """The provider rejects the request as it is: bad history, unknown model, spent budget."""

    code = "model_refused"


class ModelUnauthorized(ModelRefused):
    """The provider does not accept the key."""

    code = "model_unauthorized"


class ModelUnknown(ModelRefused):
    """The provider has no model of that name for this key."""

    code = "model_unknown"


class BudgetSpent(ModelRefused):
    """The account has no credit or has reached its spending limit."""

    code = "model_budget_spent"


class PromptTooLong(ModelRefused):
    """The request does not fit the model's context window; a shorter history will."""

    code = "prompt_too_long"


class Misconfigured(ModelRefused):
    """What answers at the base URL is no model provider, or not at that path."""

    code = "misconfigured"


class NoModelConfigured(ModelRefused):
    """There is no model to ask: no key and no model is set."""

    code = "no_model"
