"""Archives: each member as a stream, limits while streaming, and only our own errors."""

from __future__ import annotations

import gzip
import io
import zipfile
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.errors import Malformed
from connectors.kit.archives import MAX_MEMBERS, is_archive, members
from connectors.raw import RawMessage

CONTENT = b"<a>one</a>" * 50


def raw_of(body: bytes) -> RawMessage:
    return RawMessage(body, account="acme", received_at=datetime(2026, 3, 4, tzinfo=UTC))


def zip_of(*files: tuple[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", compression) as archive:
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name), content, compression)
    return packed.getvalue()


def unpacked(body: bytes, **limits: int) -> dict[str, bytes]:
    found = {}
    for member in members(raw_of(body), **limits):
        with member.open() as stream:
            found[member.name] = stream.read()
    return found


def code_of(body: bytes, **limits: int) -> str:
    with pytest.raises(Malformed) as caught:
        unpacked(body, **limits)
    return caught.value.code


def test_a_plain_payload_is_one_member() -> None:
    assert unpacked(CONTENT) == {"": CONTENT}
    assert not is_archive(raw_of(CONTENT))


def test_a_gzip_file_is_one_member_and_can_be_opened_again() -> None:
    (member,) = members(raw_of(gzip.compress(CONTENT)))
    for _ in range(2):
        with member.open() as stream:
            assert stream.read() == CONTENT


def test_a_zip_file_has_its_regular_members() -> None:
    body = zip_of(("march/a.xml", CONTENT), ("march/", b""), ("b.xml", b"<b/>"))
    assert unpacked(body) == {"march/a.xml": CONTENT, "b.xml": b"<b/>"}
    assert is_archive(raw_of(body))


def test_a_file_on_disk_is_read_the_same_way(tmp_path: Path) -> None:
    path = tmp_path / "statement.gz"
    path.write_bytes(gzip.compress(CONTENT))
    raw = RawMessage(path, account="acme", received_at=datetime(2026, 3, 4, tzinfo=UTC))
    (member,) = members(raw)
    with member.open() as stream:
        assert stream.read() == CONTENT


@pytest.mark.parametrize(
    "name",
    ["../a.xml", "a/../../b.xml", "/etc/a.xml", "C:evil.xml", "c:/a.xml", "..\\a.xml", "a\\b.xml"],
)
def test_a_name_that_leads_out_refuses_the_whole_archive(name: str) -> None:
    assert code_of(zip_of(("good.xml", CONTENT), (name, CONTENT))) == "unsafe_name"


def test_a_symbolic_link_is_refused() -> None:
    packed = io.BytesIO()
    link = zipfile.ZipInfo("link.xml")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(link, "/etc/hostname")
    assert code_of(packed.getvalue()) == "unsafe_name"


def test_an_encrypted_archive_is_refused() -> None:
    body = bytearray(zip_of(("a.xml", CONTENT)))
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        body[body.index(magic) + offset] |= 1
    assert code_of(bytes(body)) == "encrypted_archive"


@pytest.mark.parametrize(
    "inner", [gzip.compress(CONTENT), zip_of(("a.xml", CONTENT))], ids=["gzip", "zip"]
)
@pytest.mark.parametrize(
    "wrap",
    [gzip.compress, lambda inner: zip_of(("inner.xml", inner))],
    ids=["in gzip", "in zip"],
)
def test_an_archive_inside_an_archive_is_refused(inner: bytes, wrap: object) -> None:
    assert callable(wrap)
    assert code_of(wrap(inner)) == "nested_archive"


def test_more_unpacked_bytes_than_allowed_are_a_bomb() -> None:
    assert code_of(gzip.compress(bytes(5000)), max_unpacked_bytes=4999) == "zip_bomb"
    assert code_of(zip_of(("a", bytes(5000))), max_unpacked_bytes=4999) == "zip_bomb"
    assert unpacked(gzip.compress(bytes(5000)), max_unpacked_bytes=5000) == {"": bytes(5000)}


def test_a_ratio_beyond_belief_is_a_bomb_only_once_it_is_large() -> None:
    small, large = bytes(9 * 1024**2), bytes(11 * 1024**2)
    assert unpacked(gzip.compress(small)) == {"": small}
    assert code_of(gzip.compress(large)) == "zip_bomb"
    assert code_of(zip_of(("zeros", large))) == "zip_bomb"


def test_a_directory_that_lies_about_sizes_is_caught_while_streaming() -> None:
    body = bytearray(zip_of(("a.xml", CONTENT)))
    at = body.index(b"PK\x01\x02") + 24
    body[at : at + 4] = (10).to_bytes(4, "little")
    assert code_of(bytes(body)) == "bad_archive"


def test_too_many_members_are_refused() -> None:
    many = zip_of(*((f"{n}.xml", b"<a/>") for n in range(MAX_MEMBERS + 1)))
    assert code_of(many) == "too_many_members"


@pytest.mark.parametrize("cut", [10, 12, 25, -1])
def test_a_truncated_gzip_file_says_so(cut: int) -> None:
    assert code_of(gzip.compress(CONTENT)[:cut]) == "truncated"


def test_a_truncated_zip_file_says_so() -> None:
    assert code_of(zip_of(("a.xml", CONTENT))[:-30]) == "truncated"


def test_one_damaged_member_leaves_the_others_readable() -> None:
    body = bytearray(
        zip_of(("bad.xml", b"<bad/>"), ("good.xml", CONTENT), compression=zipfile.ZIP_STORED)
    )
    body[body.index(b"<bad/>")] = ord("[")
    found = list(members(raw_of(bytes(body))))
    codes = []
    for member in members(raw_of(bytes(body))):
        try:
            with member.open() as stream:
                codes.append(str(len(stream.read())))
        except Malformed as error:
            codes.append(error.code)
    assert [member.name for member in found] == ["bad.xml", "good.xml"]
    assert codes == ["bad_archive", str(len(CONTENT))]


@given(st.data())
def test_no_damage_lets_a_foreign_error_out(data: st.DataObject) -> None:
    body = bytearray(
        data.draw(st.sampled_from([gzip.compress(CONTENT), zip_of(("a", CONTENT), ("b", b"x"))]))
    )
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    body = body[: data.draw(st.integers(0, len(body)))]
    with suppress(Malformed):
        unpacked(bytes(body))
