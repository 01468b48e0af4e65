"""Who changed what: triggers copy every state of a descriptive row into a table of its own."""

from __future__ import annotations

from typing import TypeVar

import pghistory
from django.db import models

ModelT = TypeVar("ModelT", bound=models.Model)


def tracked(model: type[ModelT]) -> type[ModelT]:
    """Keep the history of a model.

    By triggers, not signals, so that bulk and raw SQL leave their trace too. Requests attach
    their user to it through pghistory's middleware.
    """
    track = pghistory.track(
        pghistory.InsertEvent(),
        pghistory.UpdateEvent(),
        pghistory.DeleteEvent(),
        # Once for a statement: once for a row costs more than storing the row, the more so the
        # more rows there are.
        level=pghistory.Statement,
    )
    return track(model)  # type: ignore[no-any-return]
