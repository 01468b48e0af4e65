"""Evidence files: which types and names are accepted.

The type of a file is accepted only if its extension and its first bytes agree. Files are never
opened or unpacked.
"""

from __future__ import annotations

import codecs
import re
import unicodedata

from compliance.domain.problems import refusal

LONGEST_NAME = 200

_TEXT = frozenset({"text/plain", "text/csv"})
_TYPES = {
    "pdf": "application/pdf",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "txt": "text/plain",
    "csv": "text/csv",
}
MEDIA_TYPES = frozenset(_TYPES.values())
_BEGINNINGS = {
    "application/pdf": b"%PDF-",
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/jpeg": b"\xff\xd8\xff",
}
LONGEST_BEGINNING = max(len(beginning) for beginning in _BEGINNINGS.values())
ALLOWED = ", ".join(sorted(_TYPES))

# Names that Windows reserves for devices, with any extension.
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
_FORBIDDEN = frozenset('/\\:*?"<>|')


def checked_name(name: str) -> str:
    """Return a file name in Unicode normalization form C, if it is safe to store and to offer.

    Raises:
        Invalid: it contains parts of a path, or characters that hide its extension.
    """
    name = unicodedata.normalize("NFC", name)
    if not name or len(name) > LONGEST_NAME:
        raise refusal("file", f"Give the file a name of 1 to {LONGEST_NAME} characters.")
    # The control and formatting characters (Cc, Cf) include those that reverse the direction of
    # writing: with them, fdp.exe is displayed as exe.pdf.
    is_hidden = any(unicodedata.category(each) in _HIDDEN for each in name)
    if is_hidden or set(name) & _FORBIDDEN or name != name.strip(" .") or _DEVICES.fullmatch(name):
        raise refusal("file", "Give the file a simple name without a folder, such as report.pdf.")
    return name


def type_of(name: str, beginning: bytes) -> str:
    """Return the media type of a file from its name and its first bytes.

    Raises:
        Invalid: the type is not accepted, or the content does not match the extension.
    """
    extension = name.rpartition(".")[2].lower() if "." in name else ""
    media_type = _TYPES.get(extension)
    if media_type is None:
        raise refusal("file", f"Files of this type are not accepted: use one of {ALLOWED}.")
    if not beginning.startswith(_BEGINNINGS.get(media_type, b"")):
        raise refusal("file", f"The content is not that of a {extension} file: rename the file.")
    return media_type


class TextCheck:
    """Checks piece by piece that a text file is valid UTF-8."""

    def __init__(self, media_type: str) -> None:
        self.is_text = media_type in _TEXT
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def take(self, piece: bytes, *, is_last: bool = False) -> None:
        """Check the next piece.

        Raises:
            Invalid: it is not text in UTF-8.
        """
        if not self.is_text:
            return
        try:
            text = self._decoder.decode(piece, final=is_last)
        except UnicodeDecodeError:
            raise refusal("file", "This is not text in UTF-8: save it in UTF-8.") from None
        if "\x00" in text:
            raise refusal("file", "This is not text: it contains null bytes.")
