"""The admin: a thin door for the desk. Each room registers what it shows."""

from compliance.admin import (
    agreements,
    alerts,
    breaches,
    calendars,
    deadlines,
    facts,
    obligations,
    parties,
    proposals,
    recomputations,
    seals,
    site,
    sweeps,
    users,
)

__all__ = [
    "agreements",
    "alerts",
    "breaches",
    "calendars",
    "deadlines",
    "facts",
    "obligations",
    "parties",
    "proposals",
    "recomputations",
    "seals",
    "site",
    "sweeps",
    "users",
]
