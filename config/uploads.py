"""The end of an upload that is too large, before it is read."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler

# What a form adds to the file in it.
FORM_SIZE = 2**20


class BoundedUploadHandler(FileUploadHandler):
    """Refuses a form whose files are larger than any that is kept, by the length that it announces
    and by what really comes. Django itself reads files of any size."""

    def handle_raw_input(self, _input: Any, _meta: Any, content_length: int, *_rest: Any) -> None:
        """Look at the length that was announced.

        Raises:
            RequestDataTooBig: it is too large.
        """
        self._received = 0
        if content_length > settings.LARGEST_FILE + FORM_SIZE:
            self._refuse()

    def receive_data_chunk(self, raw_data: bytes, _start: int) -> bytes:
        """Count what comes, and leave it to the handlers that follow.

        Raises:
            RequestDataTooBig: it has become too much.
        """
        self._received += len(raw_data)
        if self._received > settings.LARGEST_FILE:
            self._refuse()
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """Leave the file to the handlers that follow."""

    def _refuse(self) -> None:
        sentence = f"A file may have {settings.LARGEST_FILE // 2**20} MiB at most."
        raise RequestDataTooBig(sentence)
