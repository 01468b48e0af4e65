"""Rejects uploads that are too large before they are read completely."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import FileUploadHandler

# The bytes that a form may add to the files in it.
FORM_SIZE = 2**20


class BoundedUploadHandler(FileUploadHandler):
    """Rejects a form whose files exceed LARGEST_FILE, by Content-Length and by received data.

    Without it, Django reads files of any size.
    """

    def handle_raw_input(self, _input: Any, _meta: Any, content_length: int, *_rest: Any) -> None:
        """Check the Content-Length.

        Raises:
            RequestDataTooBig: it is too large.
        """
        self._received = 0
        if content_length > settings.LARGEST_FILE + FORM_SIZE:
            self._reject()

    def receive_data_chunk(self, raw_data: bytes, _start: int) -> bytes:
        """Count the bytes and pass them on to the next handler.

        Raises:
            RequestDataTooBig: the files have become too large.
        """
        self._received += len(raw_data)
        if self._received > settings.LARGEST_FILE:
            self._reject()
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """Leave the file to the next handler."""

    def _reject(self) -> None:
        sentence = f"A file can be at most {settings.LARGEST_FILE // 2**20} MiB."
        raise RequestDataTooBig(sentence)
