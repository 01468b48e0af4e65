"""Which files are kept as evidence: of what type, and under what name.

A type counts only where the end of the name and the first bytes say the same. Nothing here opens
a file: what is inside one is never unpacked.
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
_BEGINNINGS = {
    "application/pdf": b"%PDF-",
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/jpeg": b"\xff\xd8\xff",
}
LONGEST_BEGINNING = max(len(beginning) for beginning in _BEGINNINGS.values())
ALLOWED = ", ".join(sorted(_TYPES))

# Names that Windows gives to devices, whatever follows their first dot.
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
_FORBIDDEN = frozenset('/\\:*?"<>|')


def checked_name(name: str) -> str:
    """A file's name, in one form, as it may be kept and offered again.

    Raises:
        Invalid: it has parts of a path, or characters that hide what it is.
    """
    name = unicodedata.normalize("NFC", name)
    if not name or len(name) > LONGEST_NAME:
        raise refusal("file", f"Give the file a name of 1 to {LONGEST_NAME} characters.")
    # Cc and Cf are control and formatting characters: among these are those that turn the
    # direction of writing, so that fdp.exe reads as exe.pdf.
    is_hidden = any(unicodedata.category(each) in _HIDDEN for each in name)
    if is_hidden or set(name) & _FORBIDDEN or name != name.strip(" .") or _DEVICES.fullmatch(name):
        raise refusal("file", "Give the file a plain name, without a folder: report.pdf.")
    return name


def type_of(name: str, beginning: bytes) -> str:
    """The media type of a file, by its name and its first bytes.

    Raises:
        Invalid: it is of no type that is kept, or is not what its name says.
    """
    extension = name.rpartition(".")[2].lower() if "." in name else ""
    media_type = _TYPES.get(extension)
    if media_type is None:
        raise refusal("file", f"Files of this kind are not kept. These are: {ALLOWED}.")
    if not beginning.startswith(_BEGINNINGS.get(media_type, b"")):
        raise refusal("file", f"This is no {extension} file, whatever its name says.")
    return media_type


class TextCheck:
    """Whether a file that calls itself text is text in UTF-8, piece by piece."""

    def __init__(self, media_type: str) -> None:
        self.is_text = media_type in _TEXT
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def take(self, piece: bytes, *, is_last: bool = False) -> None:
        """Look at the next piece.

        Raises:
            Invalid: it is no text.
        """
        if not self.is_text:
            return
        try:
            text = self._decoder.decode(piece, final=is_last)
        except UnicodeDecodeError:
            raise refusal("file", "This is no text in UTF-8: save it as that.") from None
        if "\x00" in text:
            raise refusal("file", "This is no text: it has bytes that no text has.")
