"""An answer is cancelled while it is written."""

from time import monotonic

from app.demo.stage import CHARS_BEFORE_CUT, Stage, ms


async def play(stage: Stage) -> None:
    """Ask for a long answer, stop it, and see that what was written is kept."""
    async with stage.ask(stage.prompts.cancelled) as answer:
        cut = await stage.read(answer, until_chars=CHARS_BEFORE_CUT)
        cancelled_at = monotonic()
        await stage.api.cancel(cut.message_id)
        ended = await stage.read(answer)
    stage.screen.end_of_text()
    message = await stage.expect(ended, "cancelled")
    stage.screen.note(f"[cancelled; the {len(message['content'])} characters so far are kept]")
    stage.figures["cancel_ms"] = ms(cancelled_at, ended.shown.at)
