"""Settings: what the environment (or `.env`) decides; nothing else reads it."""

from app.settings.answers import BusyPolicy
from app.settings.front_ends import BillingAwayPolicy, FrontEnd
from app.settings.loading import (
    Settings,
    SettingsInvalid,
    load_settings,
    own_environment,
    variable_of,
)
from app.settings.models import provider_fields

__all__ = [
    "BillingAwayPolicy",
    "BusyPolicy",
    "FrontEnd",
    "Settings",
    "SettingsInvalid",
    "load_settings",
    "own_environment",
    "provider_fields",
    "variable_of",
]
