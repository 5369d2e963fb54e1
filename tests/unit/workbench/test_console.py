"""What is printed for people says what was sent, whatever it looks like."""

from __future__ import annotations

import pytest
from rich.table import Table

from workbench.showing import console


@pytest.mark.parametrize("text", ["[/]", "[bold red]", "[link=x]y[/link]", "[/nothing]"])
def test_text_that_looks_like_markup_is_text(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("number")
    table.add_row(text)
    console().print(table)
    assert text in capsys.readouterr().out
