"""A job by its id, for code that has not got the job itself."""

from typing import Any, Generic, TypeVar, overload

from pydantic import TypeAdapter

from engine.results import adapter_of

R = TypeVar("R")


class JobRef(Generic[R]):
    """A job to invoke by its id: `JobRef("resize", Picture)`; Inngest's `referenceFunction`.

    Its code may be in other processes, or in another package. The second argument is the type as
    which its result comes back: any JSON by default.
    """

    @overload
    def __init__(self: "JobRef[Any]", job_id: str) -> None: ...
    @overload
    def __init__(self, job_id: str, returns: type[R]) -> None: ...
    def __init__(self, job_id: str, returns: Any = Any) -> None:
        self.id = job_id
        self.result: TypeAdapter[R] = adapter_of(returns)
