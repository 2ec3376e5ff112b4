"""What a person's plan allows: asked of the operator's billing, where there is one."""

from app.services.plans.billing import (
    Billing,
    BillingAway,
    Feature,
    NoBilling,
    NoBillingHere,
    Page,
    Verdict,
)
from app.services.plans.gate import PlanGate, PlanRequired

__all__ = [
    "Billing",
    "BillingAway",
    "Feature",
    "NoBilling",
    "NoBillingHere",
    "Page",
    "PlanGate",
    "PlanRequired",
    "Verdict",
]
