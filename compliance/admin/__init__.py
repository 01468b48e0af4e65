"""The admin: a thin door for the desk. Each room registers what it shows."""

from compliance.admin import (
    agreements,
    alerts,
    breaches,
    deadlines,
    facts,
    obligations,
    parties,
    site,
    sweeps,
    users,
)

__all__ = [
    "agreements",
    "alerts",
    "breaches",
    "deadlines",
    "facts",
    "obligations",
    "parties",
    "site",
    "sweeps",
    "users",
]
