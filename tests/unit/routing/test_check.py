"""`gateway check`: each fault at its line."""

from pathlib import Path

import pytest

from connectors import registry
from routing.check import check_configuration

SHOP = '[[accounts]]\nconnector = "shopify"\naccount = "acme"\nsecrets = ["env:S"]\n'


def found(text: str, base: Path, **environment: str) -> list[tuple[int, str, str]]:
    findings = check_configuration(text, environment, base, registry.load)
    return [(one.line, one.severity, one.message) for one in findings]


def test_a_sound_configuration_has_no_findings(tmp_path: Path) -> None:
    assert found(SHOP, tmp_path, S="secret") == []


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (SHOP.replace("shopify", "shopfy"), 2, "no connector is called"),
        (SHOP.replace("env:S", "env:MISSING"), 4, "env:MISSING"),
        (SHOP + "options = { shop_domian = 'x' }\n", 5, "unknown option"),
        (SHOP + "\n" + SHOP, 6, "configured twice"),
        (
            SHOP + '[[routes]]\nname = "r"\nwhen = { type = "o2c.oder.*" }\nto = ["x"]\n',
            7,
            "no message has a type",
        ),
    ],
)
def test_each_fault_stands_at_its_line(tmp_path: Path, text: str, line: int, says: str) -> None:
    errors = [one for one in found(text, tmp_path, S="secret") if one[1] == "error"]
    assert [one[0] for one in errors] == [line]
    assert says in errors[0][2]


def test_warnings_do_not_stop_anything(tmp_path: Path) -> None:
    text = '[[accounts]]\nconnector = "camt"\naccount = "bank"\nfolder = "inbox"\n'
    assert [one[1] for one in found(text, tmp_path)] == ["warning"]
    assert [one[1] for one in found("", tmp_path)] == ["warning"]


def test_a_folder_for_a_connector_without_files_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    text = '[[accounts]]\nconnector = "camt"\naccount = "bank"\nfolder = "file"\n'
    assert [one[2] for one in found(text, tmp_path)] == ["not a folder"]
