"""What the files of a delivery tell: of a zip file, a bad member leaves the others alone."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from canonical.errors import Malformed
from canonical.message import Ignored, Item, Problem
from connectors.kit.archives import Member, each_member
from connectors.raw import RawMessage


def raw_of(body: bytes) -> RawMessage:
    return RawMessage(body, account="acme", received_at=datetime(2026, 3, 4, tzinfo=UTC))


def zip_of(**files: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return packed.getvalue()


def told(member: Member) -> Iterator[Item]:
    with member.open() as stream:
        for word in stream.read().decode().split():
            if word == "bad":
                raise Malformed("a bad word", code="bad_word", path="word")
            yield Ignored(reason=word, at=member.name)


def test_a_single_file_is_told() -> None:
    assert list(each_member(raw_of(b"one"), told)) == [Ignored(reason="one")]


def test_what_a_single_file_raises_comes_through() -> None:
    with pytest.raises(Malformed, match="a bad word"):
        list(each_member(raw_of(b"bad"), told))


def test_a_bad_member_is_a_problem_and_the_others_go_on() -> None:
    body = zip_of(a=b"one bad two", b=b"three")
    assert list(each_member(raw_of(body), told)) == [
        Ignored(reason="one", at="a"),
        Problem(code="bad_word", message="a bad word", path="word", at="a"),
        Ignored(reason="three", at="b"),
    ]


def test_an_archive_of_one_member_is_an_archive() -> None:
    [problem] = each_member(raw_of(zip_of(a=b"bad")), told)
    assert isinstance(problem, Problem)
    assert problem.at == "a"


def test_a_broken_archive_is_refused_as_a_whole() -> None:
    with pytest.raises(Malformed) as caught:
        list(each_member(raw_of(zip_of(a=b"one")[:-10]), told))
    assert caught.value.code == "truncated"
