"""Passwords must not consist of words that everybody associates with this installation."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError

from compliance.domain.vocabulary import Role

# The names of the product and of what it is about; the roles and the host are added.
WORDS = frozenset({"pacta", "agreement", "agreements", "deadline", "obligation", "password"})
# So many characters must remain without these words.
_SHORTEST_REST = 8


class ContextWordsValidator:
    """Refuses passwords of which hardly anything remains without such words."""

    def validate(self, password: str, user: object = None) -> None:  # noqa: ARG002  # of Django
        """Check a password.

        Raises:
            ValidationError: it consists mainly of the words.
        """
        host = urlsplit(settings.SITE_URL).hostname or ""
        words = WORDS | set(Role) | {each for each in host.split(".") if len(each) > 3}
        longest_first = sorted(words, key=len, reverse=True)
        pattern = "|".join(map(re.escape, longest_first))
        rest = re.sub(pattern, "", password, flags=re.IGNORECASE)
        if rest != password and len(rest) < _SHORTEST_REST:
            sentence = (
                "The password consists mainly of words that everybody associates with this "
                f"service. Add at least {_SHORTEST_REST} other characters."
            )
            raise ValidationError(sentence, code="password_of_context_words")

    def get_help_text(self) -> str:
        """Return the rule for people who choose a password."""
        return "Your password can't consist mainly of the names of this service and its roles."
