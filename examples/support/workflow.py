"""The support workflow: gather, reason, approve or draft; each step is done once.

It is Inngest's pattern word for word: a throttle for each conversation, a fallback where the help
desk is away, an approval that a matched event brings or a timeout ends, a sleep before a draft goes
out by itself, and an invoked workflow for the refund.
"""

from functools import partial

from engine import (
    FailureContext,
    JobContext,
    RetryPolicy,
    Throttle,
    Timeouts,
    job,
)
from examples.support.desk import (
    Action,
    Context,
    HelpDesk,
    HelpDeskAway,
    Pace,
    Reasoned,
    SupportAgent,
)
from examples.support.events import (
    ApprovalDecided,
    ApprovalRequested,
    InboundReceived,
    RefundWanted,
)

RETRIES = RetryPolicy(max_attempts=4, min_timeout="200ms", max_timeout="30s")


async def mark_failed(ctx: FailureContext[InboundReceived]) -> None:
    """A message that the workflow could not deal with is left to people."""
    message = ctx.event.data
    record = {"conversation": message.conversation_id, "error": ctx.error.name}
    await ctx.step.run("mark", ctx.need(HelpDesk).keep, f"{message.message_id}-failed", record)


@job(
    "handle-inbound-message",
    on=InboundReceived,
    throttle=Throttle(limit=1, period="10s", key="event.data.conversationId"),
    timeouts=Timeouts(finish="7d"),
    retries=RETRIES,
    on_failure=mark_failed,
)
async def handle_inbound_message(ctx: JobContext[InboundReceived]) -> str:
    """Deal with one message of a customer."""
    message, desk = ctx.event.data, ctx.need(HelpDesk)
    context = await _gathered(ctx)
    agent = ctx.need(SupportAgent)
    found = await ctx.step.run("agent-reasoning", agent.reason, message.body, context)
    if found.action is not None and found.action.requires_approval:
        await ctx.step.send_event("request-approval", _approval(message, found.action, found))
        return "approval"
    if found.action is not None:
        record = {"kind": found.action.kind, "conversation": message.conversation_id}
        await ctx.step.run("execute-action", desk.keep, f"{message.message_id}-action", record)
    if found.draft_response is None:
        return "nothing to say"
    draft = {"to": message.sender, "body": found.draft_response, "fallback": context.is_fallback}
    await ctx.step.run("create-draft", desk.keep, f"{message.message_id}-draft", draft)
    await ctx.step.sleep("wait-for-send", ctx.need(Pace).send_after)
    await ctx.step.run("auto-send", desk.keep, f"{message.message_id}-sent", draft)
    return "sent"


async def _gathered(ctx: JobContext[InboundReceived]) -> Context:
    """Who writes and what was said before, side by side; else what the event says itself."""
    message, desk = ctx.event.data, ctx.need(HelpDesk)

    async def gather_customer() -> Context:
        try:
            return Context(customer=await desk.customer(message.sender))
        except HelpDeskAway:
            return Context(customer=message.sender, is_fallback=True)

    async def gather_history() -> Context:
        return Context(customer="", history=await desk.messages(message.conversation_id))

    customer, before = await ctx.step.parallel(
        partial(ctx.step.run, "gather-customer", gather_customer),
        partial(ctx.step.run, "gather-history", gather_history),
    )
    return customer.model_copy(update={"history": before.history})


def _approval(message: InboundReceived, action: Action, found: Reasoned) -> ApprovalRequested:
    return ApprovalRequested(
        action_id=f"{message.message_id}-{action.kind}",
        conversation_id=message.conversation_id,
        kind=action.kind,
        amount=action.amount,
        reasoning=found.reasoning,
    )


@job("await-approval", on=ApprovalRequested, retries=RETRIES)
async def await_approval(ctx: JobContext[ApprovalRequested]) -> str:
    """Ask a person, and do what they allow; without an answer in time, nothing is done."""
    asked, desk = ctx.event.data, ctx.need(HelpDesk)
    request = {"kind": asked.kind, "amount": asked.amount, "reasoning": asked.reasoning}
    await ctx.step.run("ask", desk.keep, f"{asked.action_id}-asked", request)
    decided = await ctx.step.wait_for_event(
        "approval-received",
        ApprovalDecided,
        match="data.actionId",
        timeout=ctx.need(Pace).decide_within,
    )
    if decided is None:
        await ctx.step.run("expire", desk.keep, f"{asked.action_id}-expired", request)
        return "expired"
    if not decided.data.approved:
        await ctx.step.run("reject", desk.keep, f"{asked.action_id}-rejected", request)
        return "rejected"
    wanted = RefundWanted(
        action_id=asked.action_id, conversation_id=asked.conversation_id, amount=asked.amount
    )
    return await ctx.step.invoke("process-refund", process_refund, wanted, timeout="1h")


@job("process-refund", on=RefundWanted, retries=RETRIES)
async def process_refund(ctx: JobContext[RefundWanted]) -> str:
    """Pay back: twice the same is once."""
    wanted = ctx.event.data
    record = {"amount": wanted.amount, "conversation": wanted.conversation_id}
    refunded = f"{wanted.action_id}-refunded"
    return await ctx.step.run("refund", ctx.need(HelpDesk).keep, refunded, record)


JOBS = (handle_inbound_message, await_approval, process_refund)
