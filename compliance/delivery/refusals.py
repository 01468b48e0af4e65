"""Telling the administrators of a recipient that takes nothing any more."""

from __future__ import annotations

from compliance.delivery import notices
from compliance.models import Webhook


def tell(recipient: str, *, answer: str, message: int) -> None:
    """Mail the administrators what was said to the message with this number."""
    webhook = Webhook.objects.filter(messages=message).first()
    subject = f"mail to {recipient} is refused"
    said = f"Mail to {recipient} was refused for good, or given up. The last answer was: {answer}"
    if webhook is not None:
        subject = f"webhook {webhook.name} takes nothing"
        said = f"A message to webhook {webhook.name} was given up. The last answer was: {answer}"
    notices.tell(
        [each for each in notices.administrators() if each != recipient],
        subject=subject,
        paragraphs=[
            said,
            "Whoever follows agreements there hears of nothing until it is mended. The next "
            "alert tries it again.",
        ],
        name=f"refused{message}",
    )
