"""Names and titles: one spelling for what looks the same, and nothing that deceives the eye."""

from __future__ import annotations

import re
import unicodedata

# Spaces that look like a plain one.
_SPACES = re.compile(r"[ \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+")
# Zero-width characters that no script needs: soft hyphen, zero-width space, word joiner, byte-order
# mark. The zero-width joiner and non-joiner stay: Persian, Indic scripts and emoji need them.
_NEEDLESS = re.compile(r"[\u00ad\u200b\u2060\ufeff]")
# Embeddings and overrides, and isolates (UAX #9, sections 2.1 to 2.5). They can show a text in
# another order than that in which it is stored. Marks (U+200E, U+200F, U+061C) cannot.
_DIRECTIONS = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
_OVERRIDES = re.compile(r"[\u202d\u202e]")
# Letters and symbols without a shape: Hangul fillers and the empty Braille pattern.
_SHAPELESS = frozenset("\u115f\u1160\u3164\uffa0\u2800")
_VISIBLE = frozenset("LNPS")


def normalised(text: str) -> str:
    """Return a name in normalisation form C, with plain single spaces.

    A client may send "é" as one character or as two; both are the same name.
    """
    if text.isascii():
        return _SPACES.sub(" ", text) if "  " in text else text
    return unicodedata.normalize("NFC", _SPACES.sub(" ", _NEEDLESS.sub("", text)))


def visible(text: str) -> str:
    """Return a name of which something can be seen, or an empty text.

    Raises:
        ValueError: it consists only of invisible characters, or it changes its own direction.
    """
    if text.isascii():
        return text
    if _DIRECTIONS.search(text):
        sentence = "Remove the characters that change the direction of the text."
        raise ValueError(sentence)
    if not any(
        unicodedata.category(each)[0] in _VISIBLE and each not in _SHAPELESS for each in text
    ):
        sentence = "None of its characters is visible: use letters or digits."
        raise ValueError(sentence)
    return text


def without_overrides(text: str) -> str:
    """Return a text of several lines that shows its characters in the order of its scripts.

    Raises:
        ValueError: it overrides the direction of its characters.
    """
    if _OVERRIDES.search(text):
        sentence = "Remove the characters that override the direction of the text."
        raise ValueError(sentence)
    return text
