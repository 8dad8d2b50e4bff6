"""Packed documents: what goes in comes out, and documents that are alike take little."""

import json
import random
import zlib

from hypothesis import given
from hypothesis import strategies as st
from notebook_platform.packed import MOST_DICTIONARIES, Packing

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


def platform(number: int) -> dict[str, object]:
    """Return an object like those of other platforms."""
    tags = {f"tag{place}": f"of-every-platform-{place}" for place in range(20)}
    return {"name": f"p{number}", "id": random.Random(number).randbytes(8).hex(), "tags": tags}


@given(st.lists(DOCUMENTS))
def test_packed_documents_are_unpacked_unchanged(documents: list[object]) -> None:
    packing = Packing()
    packed = [packing.pack(document) for document in documents]
    assert [packing.unpack(one) for one in packed] == documents


def test_a_document_like_an_earlier_one_takes_less_than_half_of_what_it_takes_alone() -> None:
    packing, documents = Packing(), [platform(number) for number in range(100)]
    packed = [packing.pack(document) for document in documents]
    alone = [zlib.compress(json.dumps(document).encode(), 1) for document in documents]
    assert sum(map(len, packed[1:])) < sum(map(len, alone[1:])) / 2


def test_documents_of_another_form_get_a_dictionary_of_their_own() -> None:
    packing = Packing()
    packing.pack(["first"] * 50)
    first, second = packing.pack(platform(1)), packing.pack(platform(2))
    assert len(second) < 70
    assert [packing.unpack(first), packing.unpack(second)] == [platform(1), platform(2)]


def test_documents_that_differ_in_all_leave_a_bounded_number_of_dictionaries() -> None:
    packing = Packing()
    noise = [random.Random(number).randbytes(400) for number in range(3 * MOST_DICTIONARIES)]
    packed = [packing.compress(text) for text in noise]
    assert [packing.decompress(one) for one in packed] == noise
    assert len({one[2:6] for one in packed}) <= MOST_DICTIONARIES


def test_a_document_with_the_checksum_of_a_dictionary_does_not_take_its_place() -> None:
    """The author of a platform writes the document, and zlib's checksum (RFC 1950, Adler-32) is easily met."""
    first, other = bytearray(random.Random(1).randbytes(400)), random.Random(2).randbytes(400)
    first[200:203] = bytes([10, 20, 30])
    forged = bytes(first[:200]) + bytes([11, 18, 31]) + bytes(first[203:])
    assert zlib.adler32(forged) == zlib.adler32(bytes(first))
    packing = Packing()
    texts = [bytes(first), other, forged, bytes(first), forged]
    packed = [packing.compress(text) for text in texts]
    assert [packing.decompress(one) for one in packed] == texts


def test_equal_documents_give_equal_bytes() -> None:
    packing = Packing()
    packing.pack(platform(0))
    assert packing.pack(platform(1)) == packing.pack(platform(1))
