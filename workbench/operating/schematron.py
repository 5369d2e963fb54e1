"""`gateway validate`: an e-invoice against published Schematron rules (optional extra).

The rules come from their publishers (EN 16931, Peppol BIS, XRechnung) as Schematron compiled to
XSLT; none is shipped here. Saxon runs them; its report is SVRL (ISO/IEC 19757-3).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from canonical.errors import GatewayError, Malformed, Unsupported
from connectors.kit.xml import children, local, read_xml, text
from workbench.showing import harmless

SVRL = "http://purl.oclc.org/dsdl/svrl"
LARGEST = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class FailedAssertion:
    """A rule that a document breaks."""

    rule: str
    """Its id, e.g. `BR-CO-15`."""
    severity: str
    """`fatal` or `warning`; a rule that does not say is fatal."""
    location: str
    """An XPath into the document."""
    message: str


class Rules:
    """Compiled rules, for any number of documents."""

    def __init__(self, xslt: Path) -> None:
        """Raises Unsupported (`missing_extra`) without Saxon, Malformed for unusable rules."""
        if find_spec("saxonche") is None:
            raise Unsupported(
                "Schematron needs Saxon: install o2c-gateway[schematron]", code="missing_extra"
            )
        from saxonche import PySaxonApiError, PySaxonProcessor  # noqa: PLC0415 - an extra

        self._failure = PySaxonApiError
        self._processor = PySaxonProcessor(license=False)
        try:
            compiler = self._processor.new_xslt30_processor()
            self._rules = compiler.compile_stylesheet(stylesheet_file=str(xslt))
        except PySaxonApiError as error:
            raise Malformed(f"{xslt.name} is no stylesheet: {error}", code="bad_rules") from None

    def broken_by(self, body: bytes) -> list[FailedAssertion]:
        """The rules this document breaks, in the order of the report.

        Raises Malformed for what is no safe XML; a DOCTYPE is refused before Saxon sees it.
        """
        read_xml(body, max_bytes=LARGEST)
        try:
            document = self._processor.parse_xml(xml_text=_decoded(body))
            report = self._rules.transform_to_string(xdm_node=document)
        except self._failure as error:
            raise Malformed(f"the rules could not be run: {error}", code="bad_rules") from None
        return list(_failed(report or ""))


def validate_files(files: Sequence[Path], xslt: Path, *, as_json: bool) -> int:
    """Print the broken rules of each file; 0: none is fatal, 4: some are."""
    rules = Rules(xslt)
    fatal = False
    for path in files:
        document = _checked(rules, path)
        fatal = fatal or not document["valid"]
        if as_json:
            print(json.dumps(document))
        else:
            _show(document)
    return 4 if fatal else 0


def _checked(rules: Rules, path: Path) -> dict[str, Any]:
    try:
        broken = rules.broken_by(path.read_bytes())
    except (GatewayError, OSError) as error:
        return {"file": str(path), "valid": False, "error": str(error), "broken": []}
    return {
        "file": str(path),
        "valid": all(one.severity != "fatal" for one in broken),
        "broken": [asdict(one) for one in broken],
    }


def _show(document: dict[str, Any]) -> None:
    print(f"{document['file']}: {'valid' if document['valid'] else 'NOT valid'}")
    if "error" in document:
        print(f"  {harmless(document['error'])}")
    for one in document["broken"]:
        print(harmless(f"  {one['severity']} {one['rule']}: {one['message']}"))


def _failed(report: str) -> Iterator[FailedAssertion]:
    root = read_xml(report.encode(), max_bytes=LARGEST)
    for element in children(root, "failed-assert", SVRL):
        said = [text(inner) for inner in element.iterchildren("*") if local(inner) == "text"]
        yield FailedAssertion(
            rule=element.get("id") or "",
            severity=element.get("flag") or "fatal",
            location=element.get("location") or "",
            message=" ".join(" ".join(said).split()),
        )


def _decoded(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Malformed("only UTF-8 documents can be validated", code="bad_encoding") from None
