"""Change history: triggers copy every state of a descriptive row into an event table."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pghistory
from django.db import models

from compliance.models.append_only import never_truncated

ModelT = TypeVar("ModelT", bound=models.Model)


def tracked(model: type[ModelT]) -> type[ModelT]:
    """Keep the change history of a model."""
    return tracked_except()(model)


def tracked_except(*untracked: str) -> Callable[[type[ModelT]], type[ModelT]]:
    """Keep the change history of a model without some fields: a change of these adds no row.

    Triggers do this instead of signals, so that bulk operations and raw SQL are included.
    The pghistory middleware attaches the user of a request.
    """

    def track(model: type[ModelT]) -> type[ModelT]:
        # The database derives generated columns itself, so that the event table cannot hold them.
        generated = [field.name for field in model._meta.fields if field.generated]
        return pghistory.track(  # type: ignore[no-any-return]
            pghistory.InsertEvent(),
            pghistory.UpdateEvent(),
            pghistory.DeleteEvent(),
            # Per statement: a trigger per row would cost more than storing the row.
            level=pghistory.Statement,
            exclude=[*untracked, *generated],
            meta={"triggers": [never_truncated()]},
        )(model)

    return track
