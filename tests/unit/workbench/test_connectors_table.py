"""docs/connectors.md says what the manifests say."""

from pathlib import Path

from workbench.operating.connectors_table import connectors_table

PAGE = Path(__file__).parents[3] / "docs" / "connectors.md"


def test_the_page_is_up_to_date() -> None:
    written = PAGE.read_text(encoding="utf-8")
    assert written == connectors_table(), "run: gateway connectors table > docs/connectors.md"
