"""Backup files: complete and undamaged, or refused with one sentence."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from standalone import archives
from standalone.archives import BackupError

CONTENT = b"%PDF-1.7 report" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def made(tmp_path: Path) -> Path:
    path = tmp_path / "backup"
    with archives.new_archive(path) as archive:
        size, digest = archive.add(archives.DATABASE, [b"tables ", b"and rows"])
        archive.add(f"files/{SHA256}", [CONTENT], sha256=SHA256)
        archive.add(f"files/{'0' * 64}", [b"changed"], sha256="0" * 64)
        archive.finish(
            {"database": {"size": size, "sha256": digest}, "files": {SHA256: len(CONTENT)}}
        )
    return path


def test_an_archive_contains_what_was_added_unless_its_hash_is_wrong(made: Path) -> None:
    assert archives.verified(made)["files"] == {SHA256: len(CONTENT)}
    with archives.opened(made) as archive:
        assert archive.getnames() == ["database.dump", f"files/{SHA256}", "manifest.json"]
        content = archives.pieces_of(archive, archive.getmember("database.dump"))
        assert b"".join(content) == b"tables and rows"


def test_only_its_owner_can_read_an_archive(made: Path) -> None:
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert list(made.parent.iterdir()) == [made]


def test_an_archive_never_replaces_a_file(made: Path) -> None:
    before = made.read_bytes()
    with (
        pytest.raises(BackupError, match="exists: choose another name"),
        archives.new_archive(made),
    ):
        pass
    assert made.read_bytes() == before


def test_an_archive_that_is_not_finished_leaves_nothing(tmp_path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"half"
        raise OSError(28, "No space left on device")

    path = tmp_path / "backup"
    with (
        pytest.raises(BackupError, match=r"backup cannot be written \(No space left on device\)"),
        archives.new_archive(path) as archive,
    ):
        archive.add(archives.DATABASE, pieces())
    assert list(tmp_path.iterdir()) == []


def test_every_changed_or_missing_byte_is_found(made: Path, tmp_path: Path) -> None:
    whole = made.read_bytes()
    copy = tmp_path / "copy"
    # Each block: headers, contents and the manifest. The rest of a block is empty.
    for place in [*range(0, len(whole) - 1024, 512), whole.index(b"tables") + 3]:
        copy.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(BackupError):
            archives.verified(copy)
    for length in range(0, len(whole) - 1024, 512):
        copy.write_bytes(whole[:length])
        with pytest.raises(BackupError):
            archives.verified(copy)


@pytest.mark.parametrize("content", [b"", b"not a tar archive" * 100, b"\0" * 10240])
def test_another_file_is_refused_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(BackupError, match="is not a complete backup"):
        archives.verified(path)


def test_a_missing_file_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match=r"cannot be read \(No such file or directory\)"):
        archives.verified(tmp_path / "none")
