"""A process's own folder for temporary files: gone with it, cleared away when it was killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from embedded.spool import own_folder

ROOT = Path(__file__).parents[3]
SPOOL_AND_DIE = """
import os, signal, sys
from pathlib import Path
from embedded.spool import own_folder
with own_folder(Path(sys.argv[1])) as folder:
    (folder / "copy").write_text("half of it")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def _killed_with_a_copy(parent: Path) -> None:
    command = [sys.executable, "-c", SPOOL_AND_DIE, str(parent)]
    ended = subprocess.run(command, cwd=ROOT, check=False)
    assert ended.returncode == -signal.SIGKILL


def test_it_is_private_and_gone_afterwards(tmp_path: Path) -> None:
    with own_folder(tmp_path / "spool") as folder:
        (folder / "copy").write_text("")
        assert folder.stat().st_mode & 0o077 == 0
    assert list((tmp_path / "spool").iterdir()) == []


def test_what_a_killed_process_left_is_cleared_away_by_the_next(tmp_path: Path) -> None:
    _killed_with_a_copy(tmp_path)
    [left] = tmp_path.iterdir()
    assert (left / "copy").exists()
    with own_folder(tmp_path) as folder:
        assert list(tmp_path.iterdir()) == [folder]


def test_a_living_process_clears_it_away_when_it_ends(tmp_path: Path) -> None:
    with own_folder(tmp_path):
        _killed_with_a_copy(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_belongs_to_the_living_is_left_alone(tmp_path: Path) -> None:
    with own_folder(tmp_path) as first:
        (first / "copy").write_text("still needed")
        with own_folder(tmp_path) as second:
            assert first != second
        assert (first / "copy").read_text() == "still needed"


def test_files_that_are_not_a_process_s_folder_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "process-notes.txt").write_text("kept")
    with own_folder(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["process-notes.txt"]
