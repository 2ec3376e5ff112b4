"""Every sentence that the loop itself says, to the model or to the person."""

# To the model, as results of calls or as remarks in a user message.

INTERRUPTED = (
    "[This call was interrupted before its result was recorded. It may have had its effect or not: "
    "look before you repeat it.]"
)
NEVER_RAN = "[This call never ran: the answer ended before it was its turn.]"
RAN_AGAIN = (
    "[This call was interrupted by a restart and ran a second time; the first time may have had "
    "its effect already.]"
)
LEFT_OUT = "[The beginning of this conversation is left out because it is long.]"
EMPTY_MESSAGE = "[The user sent an empty message.]"
WAS_CANCELLED = "[The user stopped your answer above before it was finished.]"
NUDGE = (
    "[You have repeated the same call with the same result several times. Repeating it once more "
    "will not help. Try something else, or tell the user what is in the way.]"
)
LAST_TURN = (
    "[You have used all the tool calls of this answer. Tell the user now what you have done, what "
    "is left to do and anything they must know. Do not call tools.]"
)


def was_failed(reason: str) -> str:
    """That the answer before ended in an error."""
    because = f": {reason}" if reason else ""
    return f"[Your answer above broke off because of an error{because}. What it did stays done.]"


def calls_cut(names: tuple[str, ...]) -> str:
    """That calls were not run because they arrived broken."""
    return (
        f"[Not run: {', '.join(names)}. The call was cut off at the length limit of one turn, or "
        "its arguments were no JSON object or very large, or there were too many calls in one "
        "turn, so nothing of it was done. Write less in one turn: create the file with its first "
        "part and add the rest with editFile, or change only the lines that matter.]"
    )


def result_cut(text: str, kept_chars: int) -> str:
    """An old tool result shortened to save room."""
    return f"{text[:kept_chars]}\n[The rest of this result is left out to save room.]"


# To the person, as part of the answer.

NOTHING_SAID = "The model ended its answer without saying anything. Please ask again."
DONE_SILENTLY = "The model finished without a closing message. The steps above show what it did."
ANSWER_CUT = "(The answer was cut off at the model's length limit. Write “continue” to go on.)"
REFUSED = "The model declined to answer this request. Try to put it differently."
CONTEXT_FULL = (
    "This conversation has become too long for the model. Start a new conversation to go on; the "
    "files stay as they are."
)
STEP_CAP = (
    "I reached the limit of steps for one answer before I was done. Write “continue” to let me go "
    "on."
)


def stuck(tool: str) -> str:
    """Why the loop gave up."""
    return (
        f"I stopped because I kept repeating the same step ({tool}) without getting any further. "
        "Tell me how you would like to go on."
    )
