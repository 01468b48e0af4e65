"""Change history: triggers copy every state of a descriptive row into an event table."""

from __future__ import annotations

from typing import TypeVar

import pghistory
from django.db import models

ModelT = TypeVar("ModelT", bound=models.Model)


def tracked(model: type[ModelT]) -> type[ModelT]:
    """Keep the change history of a model.

    Triggers do this instead of signals, so that bulk operations and raw SQL are included.
    The pghistory middleware attaches the user of a request.
    """
    track = pghistory.track(
        pghistory.InsertEvent(),
        pghistory.UpdateEvent(),
        pghistory.DeleteEvent(),
        # Per statement: a trigger per row costs more than storing the row.
        level=pghistory.Statement,
        # What the database derives from other columns cannot be written into the event table.
        exclude=[field.name for field in model._meta.fields if field.generated],
    )
    return track(model)  # type: ignore[no-any-return]
