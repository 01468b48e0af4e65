"""Passwords of words that everybody associates with this installation are refused."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError


@pytest.mark.parametrize(
    "password", ["Pacta-2026!", "reviewerPACTA1", "Administrator1!", "treaties-2026", "pactapacta"]
)
def test_a_password_of_context_words_is_refused(settings: Any, password: str) -> None:
    settings.SITE_URL = "https://treaties.example.org"
    with pytest.raises(ValidationError, match="everybody associates"):
        validate_password(password)


def test_a_password_has_at_least_eight_characters_and_may_have_hundreds() -> None:
    with pytest.raises(ValidationError, match="at least 8 characters"):
        validate_password("vQ7#plo")
    validate_password("vQ7#plo9")
    validate_password("vQ7#plo9" * 100)


@pytest.mark.parametrize("password", ["pacta-sunt-servanda", "correct-horse-battery", "vQ7#plo9x"])
def test_a_password_with_enough_other_characters_is_accepted(password: str) -> None:
    validate_password(password)
