"""The file format of backups: a tar archive of a database dump, evidence files and a manifest.

    database.dump          pg_dump's custom format
    files/<sha256>         each evidence file once, named by its hash
    manifest.json          what must be in the archive, last, so that all of it is known

Everything is written once and in order, so that a backup needs no space besides its own.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import orjson

FORMAT = "pacta.backup/v1"
DATABASE = "database.dump"
FILES = "files/"
MANIFEST = "manifest.json"
_PIECE = 2**20
# A manifest names each file with its hash: enough for 10 million files.
_LARGEST_MANIFEST = 2**30


class BackupError(Exception):
    """A backup cannot be made or restored. The message is one sentence for the operator."""


@contextmanager
def new_archive(path: Path) -> Iterator[ArchiveWriter]:
    """Write an archive that appears under its name only when it is complete and on disk.

    Only its owner can read it.

    Raises:
        BackupError: a file of this name exists, or it cannot be written.
    """
    if path.exists():
        raise BackupError(f"{path} exists: choose another name, or remove it")
    draft: Path | None = None
    try:
        # Created with mode 0600, under a name that nobody else uses.
        number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".partial")
        draft = Path(name)
        with os.fdopen(number, "w+b") as file:
            yield ArchiveWriter(file)
            file.flush()
            os.fsync(file.fileno())
        verified(draft)
        _publish(draft, path)
    except OSError as error:
        raise BackupError(f"{path} cannot be written ({error.strerror})") from error
    finally:
        if draft is not None:
            draft.unlink(missing_ok=True)


def _publish(draft: Path, path: Path) -> None:
    try:
        # Unlike a rename, a link never replaces a file that somebody made in the meantime.
        os.link(draft, path)
    except FileExistsError:
        raise BackupError(f"{path} exists: choose another name, or remove it") from None
    except OSError:  # a file system without links
        draft.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class ArchiveWriter:
    """Writes the members of an archive, one after the other."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def add(
        self, name: str, pieces: Iterable[bytes], *, sha256: str | None = None
    ) -> tuple[int, str]:
        """Add a member whose size is not known in advance, and return its size and SHA-256.

        If `sha256` is given and the content has another hash, nothing is added.
        """
        start = self._file.tell()
        self._file.write(bytes(tarfile.BLOCKSIZE))
        digest, size = hashlib.sha256(), 0
        for piece in pieces:
            self._file.write(piece)
            digest.update(piece)
            size += len(piece)
        if sha256 not in (None, digest.hexdigest()):
            self._file.seek(start)
            self._file.truncate()
            return size, digest.hexdigest()
        self._file.write(bytes(-size % tarfile.BLOCKSIZE))
        end = self._file.tell()
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, 0o600
        self._file.seek(start)
        # GNU's format has one block for sizes of any magnitude.
        self._file.write(info.tobuf(tarfile.GNU_FORMAT))
        self._file.seek(end)
        return size, digest.hexdigest()

    def finish(self, manifest: dict[str, Any]) -> None:
        """Add the manifest and the end of the archive."""
        self.add(MANIFEST, [orjson.dumps({"format": FORMAT, **manifest})])
        self._file.write(bytes(2 * tarfile.BLOCKSIZE))


@contextmanager
def opened(path: Path) -> Iterator[tarfile.TarFile]:
    """Open an archive for reading.

    Raises:
        BackupError: there is none, or it is damaged.
    """
    try:
        with tarfile.open(path, "r:") as archive:
            yield archive
    except tarfile.TarError as error:
        raise BackupError(f"{path} is not a complete backup ({error})") from error


def verified(path: Path) -> dict[str, Any]:
    """Read an archive completely, compare all hashes, and return its manifest.

    Raises:
        BackupError: it is not a complete, undamaged backup.
    """
    sums: dict[str, tuple[int, str]] = {}
    content = b""
    with _reading(path), opened(path) as archive:
        for member in archive:
            if member.name == MANIFEST and member.size <= _LARGEST_MANIFEST:
                content = b"".join(pieces_of(archive, member))
            elif not member.isfile():
                raise BackupError(f"{path} is not a backup of Pacta")
            else:
                digest = hashlib.sha256()
                for piece in pieces_of(archive, member):
                    digest.update(piece)
                sums[member.name] = (member.size, digest.hexdigest())
    manifest = _manifest(content, path)
    expected = {DATABASE: (manifest["database"]["size"], manifest["database"]["sha256"])}
    expected |= {f"{FILES}{sha256}": (size, sha256) for sha256, size in manifest["files"].items()}
    for name in sorted({*expected, *sums}):
        if expected.get(name) != sums.get(name):
            raise BackupError(f"{path} is damaged: {name} is missing or differs from the manifest")
    return manifest


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BackupError(f"{path} cannot be read ({error.strerror})") from error


def _manifest(content: bytes, path: Path) -> dict[str, Any]:
    try:
        manifest: Any = orjson.loads(content)
        is_known = manifest["format"] == FORMAT
    except (ValueError, TypeError, KeyError):
        raise BackupError(f"{path} is not a complete backup of Pacta") from None
    if not is_known:
        raise BackupError(f"{path} has the format {manifest['format']}, but this is {FORMAT}")
    return dict(manifest)


def pieces_of(archive: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[bytes]:
    """Yield the content of a member in pieces.

    Raises:
        tarfile.ReadError: the archive ends before the member does.
    """
    content = archive.extractfile(member)
    assert content is not None
    yield from pieces(content)


def pieces(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the rest of a file in pieces."""
    while piece := file.read(_PIECE):
        yield piece
