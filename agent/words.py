"""Every sentence that the loop itself says, to the model or to the person."""

from collections.abc import Sequence

from tools.outputs import where_whole_in

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
NOT_RUN_CUT = (
    "[Not run: the call was cut off at the length limit of one turn, so nothing of it was done. "
    "Write less in one turn: create the file with its first part and add the rest with editFile, "
    "or change only the lines that matter.]"
)
NOT_RUN_BROKEN = (
    "[Not run: its arguments were no JSON object, so nothing of it was done. Make the call again "
    "with one complete JSON object.]"
)
NOT_RUN_TOO_LARGE = (
    "[Not run: its arguments are larger than 700 kB, so nothing of it was done. Create the file "
    "with its first part and add the rest with editFile.]"
)
NOT_RUN_LAST = "[Not run: the answer had used all its tool calls.]"
NOT_RUN_ENDED = "[Not run: the turn ended in a refusal or at the end of the context.]"
LEFT_OUT = "[The beginning of this conversation is left out because it is long.]"
ANNOUNCED = (
    "[You said what you are about to do, but you called no tool, so nothing was done. If there is "
    "something to do, call the tool now. If not, say in one sentence that you are done.]"
)
MIDDLE_LEFT_OUT = "[… the middle of this text is left out to save room …]"
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
NOBODY_ANSWERED = (
    "Nobody answered in time. Go on by your best judgement and say in your answer what you have "
    "assumed; or end, if you cannot go on without an answer."
)

TASK_STOPPED = "[The user stopped the sub-agent before it was done. What it did stays done.]"
TASK_SILENT = "[The sub-agent ended without a closing message. Look at the files for what it did.]"


def too_many_tasks(limit: int) -> str:
    """The result of a task that is one too many."""
    return f"Not done: an answer may have {limit} tasks, and this has had them. Do it yourself."


def not_for_tasks(unknown: Sequence[str], can_have: Sequence[str]) -> str:
    """The result of a task with tools that no sub-agent gets."""
    return (
        f"Not done: a sub-agent cannot have {', '.join(unknown)}. It can have: "
        f"{', '.join(can_have)}. Leave out tools to give it all of them."
    )


def no_such_model(name: str, allowed: Sequence[str]) -> str:
    """The result of a task for a model that is not allowed."""
    others = f" or one of: {', '.join(allowed)}" if allowed else ""
    return f"Not done: {name} is no model that may answer here. Leave out model{others}."


def task_failed(why: str) -> str:
    """That a sub-agent could not finish."""
    return (
        f"[The sub-agent failed: {why} What it did stays done; look before you go on, then do the "
        "rest yourself or in a smaller task.]"
    )


def task_cut(why: str) -> str:
    """That a sub-agent ended before it was done."""
    return f"[The sub-agent ended before it was done ({why.replace('_', ' ')}).]"


def the_user_said(text: str) -> str:
    """The result of a question."""
    return f"The user answered:\n{text}"


def denied_by_rule(name: str) -> str:
    """The result of a call that a rule of the project forbids."""
    return (
        f"{name} was not run: a rule of this project forbids this call. Do not try to get round "
        "it: reach the goal another way, or tell the user what is in the way."
    )


def denied(name: str, why: str) -> str:
    """The result of a call that the person denied, with their words if there are any."""
    said = f" The user says:\n{why}" if why else ""
    return (
        f"{name} was not run: the user denied it. Do not make the same call again; go by what they "
        f"want, or end.{said}"
    )


def nobody_allowed(name: str) -> str:
    """The result of a call that nobody has allowed in time."""
    return (
        f"{name} was not run: it needs the user's approval, and nobody answered in time. Do what "
        "is possible without it, and say in your answer what is left."
    )


BUDGET_NEAR = {
    "answer": (
        "[This answer has used more than 80 % of what one answer may take. Finish what matters "
        "most, then end it and tell the user what is left to do.]"
    ),
    "day": (
        "[The user's answers have used more than 80 % of what they may take today. Finish what "
        "matters most, then end this one and tell the user what is left to do.]"
    ),
}


CONDENSE = """\
[This conversation is about to be longer than what you can be sent. Write a summary from which you \
can go on without the rest: only the latest messages will stand beside it. Call no tool. Use these \
headings, with short points, and leave out what no longer matters:
## Goal: what the user wants, in their words, and what they have ruled out
## Decisions: what was decided, and why
## Done: what is finished, and how it was checked
## Files: path, and what it holds or what was changed in it
## Open: what is left to do, and what is known to be broken
## Next: the very next step
If the conversation begins with such a summary of yours, carry over all of it that still holds.]\
"""


def condensed(text: str) -> str:
    """A summary of what is left out."""
    return (
        "[The beginning of this conversation and of your work is left out to save room. This is "
        f"your own summary of it:\n{text}\n]"
    )


def was_failed(reason: str) -> str:
    """That the answer before ended in an error."""
    because = f": {reason}" if reason else ""
    return f"[Your answer above broke off because of an error{because}. What it did stays done.]"


def not_run_too_many(limit: int) -> str:
    """That a call came after as many as run in one turn."""
    return (
        f"[Not run: at most {limit} calls run in one turn, and this one came after them, so "
        "nothing of it was done. Make it again in the next turn.]"
    )


def calls_cut(names: tuple[str, ...]) -> str:
    """That calls were not run of which there is no other trace."""
    return (
        f"[Not run: {', '.join(names)}. The call was cut off at the length limit of one turn, or "
        "its arguments were no JSON object or very large, or there were too many calls in one "
        "turn, so nothing of it was done. Write less in one turn: create the file with its first "
        "part and add the rest with editFile, or change only the lines that matter.]"
    )


def digested(lines: Sequence[str]) -> str:
    """What was done in turns that are left out."""
    return "\n".join(
        ["[Some calls of this answer are left out here to save room. What they did:", *lines, "]"]
    )


def listed(requests: Sequence[str], lines: Sequence[str], *, is_cut: bool) -> str:
    """What was asked and done in exchanges that are left out."""
    older = ["Still older messages are not listed."] if is_cut else []
    asked = [f"- {request}" for request in requests]
    return "\n".join([LEFT_OUT[:-1], *older, "In it the user asked:", *asked, *lines, "]"])


def planned(lines: Sequence[str]) -> str:
    """The plan as it stood where what is left out ends."""
    return "\n".join(["[Your plan, as you had written it with todo by then:", *lines, "]"])


def results_too_large(text: str, kept_chars: int) -> str:
    """A new tool result of which only the beginning fits."""
    where = where_whole_in(text[kept_chars:])
    return (
        f"{text[:kept_chars]}\n[The rest of this result does not fit into the conversation: "
        f"{len(text) - kept_chars} characters are left out. "
        f"{where or 'Ask for it in smaller parts'}.]"
    )


def result_cut(text: str, kept_chars: int) -> str:
    """An old tool result shortened to save room."""
    where = where_whole_in(text[kept_chars:])
    more = f"; {where}" if where else ""
    return f"{text[:kept_chars]}\n[The rest of this result is left out to save room{more}.]"


# To the person, as part of the answer.

TEXT_CUT = "[The rest of this text is left out: a model may write 200,000 characters in one turn.]"
ANNOUNCED_ONLY = (
    "The model said what it would do next, twice, and did nothing. Write “continue” to ask it "
    "again, or say what you want in other words."
)

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
BUDGET_SPENT = {
    "answer": (
        "I stopped here because this answer has used up what one answer may take. What I did so "
        "far is kept. Write “continue” to let me go on."
    ),
    "day": (
        "I stopped here because your answers have used up what they may take today. What was done "
        "so far is kept. Write “continue” tomorrow (days change at midnight UTC), or ask whoever "
        "runs this server for more."
    ),
}


def stuck(tool: str) -> str:
    """Why the loop gave up."""
    return (
        f"I stopped because I kept repeating the same step ({tool}) without getting any further. "
        "Tell me how you would like to go on."
    )
