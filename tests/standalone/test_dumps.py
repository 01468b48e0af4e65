"""The programs that dump and restore must be those of the server's version."""

from __future__ import annotations

import psycopg
import pytest

from standalone import dumps
from standalone.archives import BackupError


def test_without_programs_of_the_servers_version_one_sentence_says_what_to_install() -> None:
    with pytest.raises(BackupError) as refused:
        dumps.program("pg_dump", 12)
    sentence = str(refused.value)
    assert sentence.startswith("The server is PostgreSQL 12 and needs the pg_dump of that ")
    assert "install the client programs of PostgreSQL 12" in sentence
    assert "\n" not in sentence


def test_the_embedded_server_comes_with_its_programs() -> None:
    assert dumps.program("pg_restore", 18).endswith("/pg_restore")


@pytest.mark.django_db
def test_a_restore_lifts_the_limit_of_temporary_files_if_its_role_may() -> None:
    with dumps.connect() as server:
        with psycopg.connect(dumps.address(dumps.restoring_settings(server))) as lifted:
            assert lifted.execute("SHOW temp_file_limit").fetchone() == ("-1",)
            assert lifted.execute("SHOW pacta.reader").fetchone() == ("system",)
        server.execute("SET ROLE pacta_reader")
        assert dumps.restoring_settings(server) == dumps.AS_SYSTEM
