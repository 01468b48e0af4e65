"""Hash chains and Merkle roots reveal changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from compliance.domain.integrity.chains import link, merkle_root

# The reference tree of Certificate Transparency, whose form RFC 9162 keeps.
LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("count", range(len(ROOTS)))
def test_merkle_roots_match_the_reference_tree_of_the_rfc(count: int) -> None:
    assert merkle_root(iter(LEAVES[:count])).hex() == ROOTS[count]


def test_the_hash_of_an_instant_does_not_depend_on_its_zone() -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    elsewhere = noon.astimezone(timezone(timedelta(hours=8)))
    assert link(None, [noon]) == link(None, [elsewhere])
    assert link(None, [noon]) != link(None, [noon + timedelta(microseconds=1)])


def test_the_hash_of_a_number_does_not_depend_on_trailing_zeros() -> None:
    assert link(None, [Decimal("12.5")]) == link(None, [Decimal("12.500000")])
    assert link(None, [Decimal("1E+2")]) == link(None, [Decimal(100)])
    assert link(None, [Decimal("12.5")]) != link(None, [Decimal("12.500001")])


def test_the_hash_of_a_row_covers_the_rows_before_it() -> None:
    assert link(link(None, ["a"]), ["b"]) != link(link(None, ["c"]), ["b"])
    assert link(None, ["a", "b"]) != link(None, ["ab"])
    assert link(None, [None]) != link(None, [""])
