"""Limits of gzip data from untrusted sources."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notebook_platform.bounded.archive import gunzip, read_gzip
from notebook_platform.bounded.documents import DocumentRefused, DocumentTooLarge


@given(st.binary(max_size=1000))
def test_a_packed_archive_is_unpacked_up_to_the_limit(data: bytes) -> None:
    assert gunzip(gzip.compress(data), len(data)) == data
    if data:
        with pytest.raises(DocumentTooLarge):
            gunzip(gzip.compress(data), len(data) - 1)


@given(st.binary(max_size=300))
def test_nothing_raises_anything_but_a_refusal(data: bytes) -> None:
    with pytest.raises(DocumentRefused):
        gunzip(b"\x1f\x8b\x08" + data, 100)


@pytest.mark.parametrize("spoil", [lambda d: d[:-1], lambda d: d + b"x", lambda d: d + d, lambda d: b""])
def test_a_truncated_or_continued_archive_is_refused(spoil: object) -> None:
    assert callable(spoil)
    with pytest.raises(DocumentRefused):
        gunzip(spoil(gzip.compress(b"abc")), 100)


async def test_a_bomb_of_100_kb_is_refused_before_it_is_unpacked() -> None:
    bomb = gzip.compress(b"\0" * (100 << 20), 9)
    assert len(bomb) < 110_000
    with pytest.raises(DocumentTooLarge, match="larger than 1048576 bytes when unpacked"):
        await read_gzip(bomb, 1 << 20)
