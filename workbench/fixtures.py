"""From a failure to a fixture: a scrubbed payload with its meta file, ready for a test."""

from __future__ import annotations

import asyncio
import io
import json
import re
import secrets
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from canonical.errors import Malformed, Unsupported
from connectors import registry
from connectors.goldens import Meta, Specimen, specimen
from connectors.raw import RawMessage
from connectors.translation import Outcome, dry_run
from store import bodies, dead_letters, inbox
from store.database import Connection, Database
from store.ids import DEAD_LETTER, RECEIPT, parse_id, show_id
from store.records import ReceiptRow
from workbench.fixture_signing import signed_again
from workbench.scrubbing import LARGEST, Scrubbed, personal_values, scrub

_EXTENSIONS: Final = {
    "json": "json", "xml": "xml", "x12": "edi", "edifact": "edi", "swift": "sta",
    "delimited": "csv",
}  # fmt: skip
_KEPT_HEADERS: Final = re.compile(
    r"x-(?!forwarded|real-|client)[a-z0-9-]+|webhook-[a-z]+|content-type|.*(hmac|signature).*"
)
_NOT_VERIFIED: Final = frozenset({"file", "poll", "fetch"})
"""Transports whose deliveries carry no signature."""
_UNSIGNED: Final = "unsigned"
"""The file name that tells the conformance suite not to ask for a signature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeFixture:
    """A payload and its meta file, not written anywhere yet."""

    connector: str
    name: str
    body: bytes
    meta: bytes
    replaced: Mapping[str, int]
    """How many values of each category; never which."""
    outcome: str
    codes: tuple[str, ...]
    """Of the problems it shows, the same as the original's."""
    signed: bool
    """Whether it carries a signature of the fixtures' secret, where one is asked for."""

    @property
    def files(self) -> dict[str, bytes]:
        """What is to be written, by name."""
        return {self.name: self.body, f"{self.name}.meta.json": self.meta}

    @property
    def packed(self) -> bytes:
        """Both files in a ZIP archive."""
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in self.files.items():
                archive.writestr(name, content)
        return made.getvalue()


async def make_fixture(
    database: Database,
    shown_id: str,
    options: Mapping[tuple[str, str], Mapping[str, Any]],
    salt: bytes | None = None,
) -> MadeFixture:
    """A fixture of a dead letter's payload, or of a receipt's.

    `options` are the accounts' own. Without a salt the made-up values are others each time.
    Raises Malformed (`bad_id`), Unsupported: `unknown_…`, `unscrubbable`, `scrub_changes_outcome`.
    """
    receipt, body, code = await database.read(partial(_look, shown_id=shown_id))
    given = dict(options.get((receipt.connector, receipt.account), {}))
    salt = secrets.token_bytes(16) if salt is None else salt
    return await asyncio.to_thread(_make, receipt, body, code, given, salt)


def _look(connection: Connection, shown_id: str) -> tuple[ReceiptRow, bytes, str]:
    code, receipt_id = "case", None
    if shown_id.startswith(f"{DEAD_LETTER}_"):
        letter = dead_letters.load_dead(connection, parse_id(DEAD_LETTER, shown_id))
        if letter is None:
            raise Unsupported(f"there is no dead letter {shown_id}", code="unknown_dead_letter")
        code, receipt_id = letter.error_code, letter.receipt_id
    else:
        receipt_id = parse_id(RECEIPT, shown_id)
    receipt = None if receipt_id is None else inbox.load_receipt(connection, receipt_id)
    if receipt is None:
        raise Unsupported("there is no such receipt", code="unknown_receipt")
    if receipt.size > LARGEST:
        raise Unsupported("a fixture has at most 1 MiB", code="unscrubbable")
    return receipt, bodies.read_body(connection, receipt.receipt_id), code


def _make(
    receipt: ReceiptRow, body: bytes, code: str, options: dict[str, Any], salt: bytes
) -> MadeFixture:
    one = specimen(receipt.connector)
    headers = {
        name: value
        for name, value in receipt.headers.items()
        if _KEPT_HEADERS.fullmatch(name) and name == name.lower()
    }
    raw = partial(
        RawMessage, account=receipt.account, received_at=receipt.received_at, headers=headers,
        filename=receipt.filename, options=options,
    )  # fmt: skip
    before = dry_run(one.connector, raw(body))
    made = scrub(body, salt, personal_values(before.messages))
    after = dry_run(one.connector, raw(made.body))
    _require_same(before, after)
    signed = signed_again(one, made.body, headers, receipt.received_at)
    is_signed = signed is not None or receipt.transport in _NOT_VERIFIED
    meta = Meta(
        received_at=receipt.received_at,
        headers=headers if signed is None else signed,
        filename=_filename(receipt, is_signed=signed is not None),
        options=options,
    )
    return MadeFixture(
        connector=receipt.connector,
        name=_name(receipt, after, code, made, one),
        body=made.body,
        meta=_meta_text(meta),
        replaced=made.counts,
        outcome=after.outcome,
        codes=tuple(problem.code for problem in after.problems),
        signed=is_signed,
    )


def _require_same(before: Outcome, after: Outcome) -> None:
    """Raises Unsupported when a test would show something else than the failure."""
    if _told(before) != _told(after):
        raise Unsupported(
            "without the persons in it, this payload would come out otherwise; the fixture has to"
            " be written by hand",
            code="scrub_changes_outcome",
        )


def _told(outcome: Outcome) -> tuple[Any, ...]:
    codes = [problem.code for problem in outcome.problems]
    types = [message.data.TYPE for message in outcome.messages]
    amounts = [
        sorted(_amounts(message.data.model_dump(mode="json"))) for message in outcome.messages
    ]
    return outcome.outcome, outcome.kind, codes, types, amounts


def _amounts(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        amount, currency = value.get("amount"), value.get("currency")
        if isinstance(amount, str) and isinstance(currency, str):
            yield amount, currency
        for one in value.values():
            yield from _amounts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _amounts(one)


def _filename(receipt: ReceiptRow, *, is_signed: bool) -> str | None:
    if receipt.transport not in _NOT_VERIFIED:
        return None if is_signed else _UNSIGNED
    # What a bank or a partner calls its files may name somebody.
    suffix = Path(receipt.filename).suffix if receipt.filename else ""
    return f"{receipt.transport}{suffix}"


def _name(receipt: ReceiptRow, outcome: Outcome, code: str, made: Scrubbed, one: Specimen) -> str:
    kind = (outcome.kind or receipt.kind or "unknown").replace("/", ".").replace(":", ".")
    plain = re.sub(r"[^a-z0-9._-]", "_", kind.lower())
    known = {fixture.path.suffix.lstrip(".") for fixture in one.fixtures}
    usual = _EXTENSIONS[made.form]
    extension = usual if usual in known or len(known) != 1 else next(iter(known))
    return f"{plain}__{code}_{show_id(RECEIPT, receipt.receipt_id)[-6:]}.{extension}"


def _meta_text(meta: Meta) -> bytes:
    document = meta.model_dump(mode="json")
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def write_fixture(made: MadeFixture, into: Path | None) -> list[Path]:
    """Write both files, by default beside the connector's own fixtures; nothing is replaced.

    Raises Malformed (`fixture_exists`, `bad_folder`).
    """
    folder = into or registry.folder_of(made.connector) / "fixtures"
    paths = [folder / name for name in made.files]
    if any(path.exists() for path in paths):
        raise Malformed(f"{paths[0].name} is there already", code="fixture_exists")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, content in zip(paths, made.files.values(), strict=True):
            path.write_bytes(content)
    except OSError as error:
        raise Malformed(
            f"{folder} cannot be written to ({type(error).__name__})", code="bad_folder"
        ) from None
    return paths


async def print_fixture(
    database: Database,
    shown_id: str,
    options: Mapping[tuple[str, str], Mapping[str, Any]],
    *,
    into: Path | None,
    salt: str | None,
) -> None:
    """Make and write one, and say what was replaced: how many values, never which."""
    made = await make_fixture(database, shown_id, options, None if salt is None else salt.encode())
    for path in write_fixture(made, into):
        print(path)
    told = ", ".join(f"{number} {name}" for name, number in sorted(made.replaced.items()))
    print(f"replaced: {told or 'nothing personal was found'}")
    print(f"outcome as before: {made.outcome} {' '.join(made.codes)}".rstrip())
    if not made.signed:
        print("not signed: the suite takes it as a file (filename in its .meta.json)")
    print(f"read it, then: gateway connectors golden {made.connector}")
