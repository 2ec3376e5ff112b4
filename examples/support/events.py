"""The events of the support desk: `{source}/{entity}.{action}`."""

from engine import EventData


class InboundReceived(EventData, event="front/inbound_received"):
    """A customer has written."""

    conversation_id: str
    message_id: str
    sender: str
    body: str


class ApprovalRequested(EventData, event="support/approval.requested"):
    """The agent wants to do what a person has to allow.

    `action_id` has the same name in the decision: that is what the wait matches by.
    """

    action_id: str
    conversation_id: str
    kind: str
    amount: int
    reasoning: str


class ApprovalDecided(EventData, event="support/approval.decided"):
    """A person has decided."""

    action_id: str
    approved: bool


class RefundWanted(EventData, event="support/refund.wanted"):
    """What the refund workflow is invoked with."""

    action_id: str
    conversation_id: str
    amount: int
