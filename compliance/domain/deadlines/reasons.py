"""Why a status began, in sentences."""

from __future__ import annotations

from collections.abc import Mapping

from compliance.domain.vocabulary import Reason, Verification

REASON_SENTENCES: Mapping[Reason, str] = {
    Reason.AGREED: "It was agreed.",
    Reason.TRIGGERED: "The event that it waited for happened.",
    Reason.PERIOD_BEGAN: "The period in which it binds began.",
    Reason.PERIOD_ENDED: "The period in which it binds ended.",
    Reason.WINDOW_BEGAN: (
        "The due date has passed under one reading but not under another: the readings differ on "
        "whose day counts, or on how it is counted."
    ),
    Reason.DUE_PASSED: "The due date passed without an accepted performance.",
    Reason.GRACE_ENDED: "The grace period ended without an accepted performance.",
    Reason.PERFORMED: "A performance was recorded.",
    Reason.PERFORMED_IN_WINDOW: (
        "A performance was recorded: on time under one reading of the due date, late under another."
    ),
    Reason.PART_PERFORMED: "Part of it was performed, but the target has not been reached.",
    Reason.TARGET_RESTATED: "The target was restated.",
    Reason.MEASURED: "A value was measured.",
    Reason.OUT_OF_BOUNDS: "A value out of bounds was measured.",
    Reason.WITHIN_BOUNDS: "A value within bounds was measured.",
    Reason.VIOLATED: "A violation was recorded.",
    Reason.CURED: "The violation ended.",
    Reason.DETERMINED: "A determination was made.",
    Reason.DETERMINED_FINALLY: "A final determination was made.",
    Reason.COMPONENT_DONE: "One of its components was done or released.",
    Reason.EXTENDED: "The due date was extended.",
    Reason.POSTPONED: "It was postponed without a new date.",
    Reason.RESCHEDULED: "The due date moved with the date from which it counts.",
    Reason.WAIVED: "It was waived.",
    Reason.SUSPENDED: "It was suspended.",
    Reason.RESUMED: "The suspension ended.",
    Reason.REPLACED: "Another obligation took its place.",
    Reason.CANCELLED: "It was cancelled.",
    Reason.TERMINATED: "The agreement was terminated.",
    Reason.EXPIRED: "The agreement expired.",
    Reason.WITHDRAWN: "The corrected due rule no longer requires it.",
    Reason.NOT_BINDING: "It did not bind yet, contrary to what was known before.",
}
"""Why a status began, in a sentence."""

VERIFICATION_SENTENCES: Mapping[Verification, str] = {
    Verification.UNCHECKED: (
        "No search was logged and no determination was made: the status follows from the clock and "
        "from what was recorded."
    ),
    Verification.CHECKED: "A search for a performance was logged.",
    Verification.CONFIRMED: "A determination confirms the status.",
}
"""What a status is based on apart from the clock, in a sentence."""
