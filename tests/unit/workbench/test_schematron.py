"""Schematron rules, run by Saxon over what is safe to parse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from canonical.errors import Malformed
from workbench.operating.schematron import Rules, validate_files

# What a Schematron compiler makes of two rules: one fatal, one a warning.
RULES = """<xsl:stylesheet version="3.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"
  xmlns:svrl="http://purl.oclc.org/dsdl/svrl">
  <xsl:template match="/">
    <svrl:schematron-output>
      <xsl:for-each select="/invoice[not(number)]">
        <svrl:failed-assert id="BR-02" flag="fatal" location="{path()}">
          <svrl:text>An invoice shall have
            a number.</svrl:text>
        </svrl:failed-assert>
      </xsl:for-each>
      <xsl:for-each select="/invoice[not(note)]">
        <svrl:failed-assert id="W-01" flag="warning" location="{path()}">
          <svrl:text>A note helps.</svrl:text>
        </svrl:failed-assert>
      </xsl:for-each>
    </svrl:schematron-output>
  </xsl:template>
</xsl:stylesheet>"""


@pytest.fixture
def xslt(tmp_path: Path) -> Path:
    path = tmp_path / "rules.xslt"
    path.write_text(RULES)
    return path


def test_broken_rules_are_named_with_their_place(xslt: Path) -> None:
    broken = Rules(xslt).broken_by(b"<invoice/>")

    assert [(one.rule, one.severity) for one in broken] == [("BR-02", "fatal"), ("W-01", "warning")]
    assert broken[0].message == "An invoice shall have a number."
    assert "invoice" in broken[0].location


def test_a_warning_leaves_a_document_valid(
    xslt: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = tmp_path / "good.xml", tmp_path / "bad.xml"
    good.write_text("<invoice><number>1</number></invoice>")
    bad.write_text("<invoice/>")

    assert validate_files([good], xslt, as_json=True) == 0
    assert validate_files([bad, good], xslt, as_json=True) == 4
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["valid"] for line in lines] == [True, False, True]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<invoice>",
        b'<!DOCTYPE invoice [<!ENTITY x SYSTEM "file:///etc/hostname">]><invoice>&x;</invoice>',
        b'<?xml version="1.0" encoding="ISO-8859-1"?><invoice>\xe9</invoice>',
    ],
)
def test_what_is_not_safe_to_parse_never_reaches_saxon(xslt: Path, body: bytes) -> None:
    with pytest.raises(Malformed):
        Rules(xslt).broken_by(body)


def test_rules_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "rules.xslt"
    path.write_text("<not-a-stylesheet/>")
    with pytest.raises(Malformed) as refused:
        Rules(path)
    assert refused.value.code == "bad_rules"
