"""The hostile set as a whole: JSON is tried here, and every other file has its place."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from canonical.errors import Malformed
from connectors.kit.json_body import read_json

ROOT = Path(__file__).parents[2]
HOSTILE = ROOT.parent / "shared" / "corpus" / "finance" / "hostile"
TRIED_IN = {
    "xml": "test_camt_hostile.py",
    "dup": "test_camt_hostile.py",
    "zip": "test_camt_hostile.py",
    "huge": "test_camt_hostile.py",
    "mt940": "test_mt940_hostile.py",
    "csv": "test_mapping_hostile.py",
    "json": "test_hostile_expectations.py",
}
E_INVOICES = {".xml": "test_ubl_corpus.py", ".p7m": "test_fatturapa_corpus.py"}
NO_CONNECTOR = ("bai2/", "nacha/")

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not HOSTILE.is_dir(), reason="the corpus is not here"),
]


def expected() -> dict[str, dict[str, str]]:
    if not HOSTILE.is_dir():
        return {}
    found: dict[str, dict[str, str]] = json.loads((HOSTILE / "EXPECTED.shared.json").read_text())
    return found


@pytest.mark.parametrize("name", [name for name in expected() if name.startswith("json/")])
def test_json_is_handled_as_expected(name: str) -> None:
    body = (HOSTILE / name).read_bytes()
    if expected()[name]["expect"].startswith("accept"):
        document = read_json(body)
        assert not any(isinstance(value, float) for value in document.values())
        assert any(isinstance(value, Decimal) for value in document.values())
    else:
        # A lone surrogate is to be flagged; it is refused, see docs/adr/0005.
        with pytest.raises(Malformed):
            read_json(body)


@pytest.mark.parametrize("name", list(expected()))
def test_every_file_is_tried_somewhere_or_named_in_the_decision(name: str) -> None:
    folder = name.partition("/")[0]
    decision = (ROOT / "docs" / "adr" / "0005-hostile-inputs.md").read_text()
    place = E_INVOICES.get(Path(name).suffix) if folder == "einvoice" else TRIED_IN.get(folder)
    if place is None:
        assert name.startswith(NO_CONNECTOR) or name.endswith(".pdf")
        assert f"`{folder}/*`" in decision or "PDF" in decision
        return
    source = (Path(__file__).parent / place).read_text()
    assert folder in source
