"""A generation that will not be finished is closed, with the answer that was being written."""

from core.errors import NotFound
from core.ids import ProjectGenerationId, RunId
from store.gateway import Store


async def fail_generation(
    store: Store,
    generation_id: ProjectGenerationId,
    *,
    error: str,
    error_code: str,
    run_id: RunId | None = None,
) -> None:
    """Close both with the reason, which is for people; what is over, or gone, is left as it is.

    With `run_id`, the answer is left alone where another run holds it.
    """
    try:
        generation = await store.generating.get(generation_id)
        if generation.message_id is not None:
            await store.generations.fail(
                generation.message_id, error=error, error_code=error_code, run_id=run_id
            )
        await store.generating.fail(generation_id, error=error, error_code=error_code)
    except NotFound:  # its project was deleted meanwhile
        return
