"""MT940: any bytes stay within our errors, amounts and keys are conserved, memory stays flat."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

import connectors.mt940
from canonical.cash import BankEntryBooked, BankEntryNotified, BankEntryReversed
from canonical.errors import GatewayError
from canonical.values import Direction
from connectors.mt940 import CONNECTOR
from connectors.raw import RawMessage
from connectors.translation import Outcome, dry_run

FIXTURES = Path(connectors.mt940.__file__).parent / "fixtures"
BODIES = [path.read_bytes() for path in sorted(FIXTURES.iterdir()) if path.suffix != ".json"]
RECEIVED = datetime(2026, 3, 3, 6, 0, tzinfo=UTC)
Entry = BankEntryBooked | BankEntryReversed | BankEntryNotified
Line = tuple[str, int, str]
"""Mark, amount in cents, text."""

FRAGMENTS = st.sampled_from(
    [
        b":20:X", b":25:1/2", b":28C:1/1", b":60F:C260301EUR1,", b":61:2603020302C1,NTRFNONREF",
        b":61:", b":61:260302", b":86:", b":86:166?20x", b":86:/REMI/", b":62F:C260302EUR2,", b"-",
        b"-}", b"{1:F01TESTDEFFAXXX0000000000}{2:I940TESTDEFFXXXXN}{4:", b"{4:", b":NS:01x",
        b":34F:EUR0,", b":90C:1EUR1,", b"\r\n", b"\n", b"\r", b"\0", b"\xff", b"x" * 70, b"?20",
    ]
)  # fmt: skip
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ?+/,.-abc"
lines_drawn = st.lists(
    st.tuples(
        st.sampled_from(["C", "D", "RC", "RD", "EC", "ED", "CR", "RDR"]),
        st.integers(min_value=0, max_value=10**9),
        st.text(LETTERS, max_size=50),
    ),
    max_size=12,
)


def translated(body: bytes) -> Outcome:
    return dry_run(CONNECTOR, RawMessage(body, account="acme", received_at=RECEIVED))


def moved(line: Line) -> int:
    mark, cents, _ = line
    if mark[0] == "E":
        return 0
    return cents if mark.startswith(("C", "RD")) else -cents


def figure(cents: int) -> str:
    sign = "D" if cents < 0 else "C"
    return f"{sign}260302EUR{abs(cents) // 100},{abs(cents) % 100:02d}"


def statement(lines: Sequence[Line], number: int = 1) -> bytes:
    """A statement that adds up."""
    text = f":20:X\r\n:25:10020030/0001234567\r\n:28C:{number}/1\r\n:60F:C260301EUR0,00\r\n"
    for mark, cents, words in lines:
        amount = f"{cents // 100},{cents % 100:02d}"
        text += f":61:2603020302{mark}{amount}NTRFNONREF\r\n:86:{words}\r\n"
    return (text + f":62F:{figure(sum(map(moved, lines)))}\r\n-\r\n").encode()


def entries(outcome: Outcome) -> list[Entry]:
    return [one.data for one in outcome.messages if isinstance(one.data, Entry)]


def keys(body: bytes) -> list[str]:
    found = translated(body).messages
    return [one.key.text for one in found if isinstance(one.data, Entry)]


def endures(body: bytes) -> None:
    raw = RawMessage(body, account="acme", received_at=RECEIVED)
    try:
        identity = CONNECTOR.identify(raw)
        if identity is not None and identity.kind in CONNECTOR.manifest.kinds:
            list(CONNECTOR.translate(raw, identity))
    except GatewayError:
        pass


@given(st.binary(max_size=400))
def test_any_bytes(body: bytes) -> None:
    endures(body)


@given(st.lists(FRAGMENTS, max_size=30), st.booleans())
def test_any_fields(fragments: list[bytes], is_separated: bool) -> None:
    body = (b"\r\n" if is_separated else b"").join(fragments)
    endures(b":20:X\r\n:25:1\r\n:28C:1\r\n:60F:C260301EUR1,00\r\n" + body)


@given(st.sampled_from(BODIES), st.data())
def test_a_fixture_with_a_piece_replaced(body: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(body)))
    end = data.draw(st.integers(start, min(len(body), start + 40)))
    endures(body[:start] + data.draw(FRAGMENTS | st.binary(max_size=8)) + body[end:])


@given(lines_drawn)
def test_amounts_are_conserved(lines: list[Line]) -> None:
    outcome = translated(statement(lines))
    assert not outcome.problems
    booked = [one for one in entries(outcome) if not isinstance(one, BankEntryNotified)]
    total = sum(
        (one.amount.amount if one.direction is Direction.CREDIT else -one.amount.amount)
        for one in booked
    )
    assert total == Decimal(sum(map(moved, lines))) / 100
    assert len(entries(outcome)) == len(lines)


@given(lines_drawn)
def test_every_line_has_a_key_of_its_own_and_keeps_it(lines: list[Line]) -> None:
    found = keys(statement(lines + lines))
    assert len(set(found)) == 2 * len(lines)
    assert keys(statement(lines + lines)) == found
    assert keys(statement(lines + lines, number=7)) == found


@given(lines_drawn, st.data())
def test_another_line_does_not_change_the_keys(lines: list[Line], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(lines)))
    other: Line = ("C", 4711, "an unrelated line")
    found = keys(statement([*lines[:place], other, *lines[place:]]))
    del found[place]
    assert found == keys(statement(lines))


@given(lines_drawn)
def test_cut_anywhere_no_line_gets_another_key(lines: list[Line]) -> None:
    body = statement(lines)
    whole = set(keys(body))
    for end in range(0, len(body), 7):
        assert set(keys(body[:end])) <= whole


@given(lines_drawn)
def test_no_order_of_statements_in_a_file_doubles_a_line(lines: list[Line]) -> None:
    body = statement(lines)
    assert set(keys(body + body)) == set(keys(body))


def big_file(path: Path, entries_wanted: int) -> Path:
    """Daily statements of a hundred entries."""
    day, balance = date(2026, 1, 1), 0
    with path.open("w", encoding="ascii", newline="\r\n") as out:
        for number in range(1, entries_wanted // 100 + 1):
            shown = day.strftime("%y%m%d")
            opening = f"C{shown}EUR{balance},00"
            out.write(f":20:X\n:25:10020030/0001234567\n:28C:{number}/1\n:60F:{opening}\n")
            day += timedelta(days=1)
            shown = day.strftime("%y%m%d")
            for place in range(100):
                balance += 1
                out.write(f":61:{shown}{shown[2:]}C1,00NTRFNONREF\n:86:invoice {number}/{place}\n")
            out.write(f":62F:C{shown}EUR{balance},00\n-\n")
    return path


def peak_bytes(path: Path) -> tuple[int, int]:
    raw = RawMessage(path, account="acme", received_at=RECEIVED)
    identity = CONNECTOR.identify(raw)
    assert identity is not None
    tracemalloc.start()
    try:
        number = sum(1 for _ in CONNECTOR.translate(raw, identity))
        return number, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    small = peak_bytes(big_file(tmp_path / "small.sta", 2_000))
    large = peak_bytes(big_file(tmp_path / "large.sta", 20_000))
    assert (small[0], large[0]) == (2_040, 20_400)
    assert large[1] < small[1] + 250_000


def wide_file(path: Path, entries: int) -> Path:
    """One statement of texts so wide that any entry could be a part of the one before."""
    with path.open("w", encoding="ascii", newline="\r\n") as out:
        out.write(":20:X\n:25:10020030/0001234567\n:28C:1/1\n:60F:C260302EUR0,00\n")
        for number in range(entries):
            out.write(f":61:2603030303C1,00NTRFNONREF\n:86:{f'invoice {number} ':x<65}\n")
        out.write(f":62F:C260303EUR{entries},00\n-\n")
    return path


def test_memory_of_one_statement_grows_by_its_ordinals_only(tmp_path: Path) -> None:
    small = peak_bytes(wide_file(tmp_path / "small.sta", 2_000))
    large = peak_bytes(wide_file(tmp_path / "large.sta", 16_000))
    assert (small[0], large[0]) == (2_002, 16_002)
    assert large[1] - small[1] < 14_000 * 48
