"""A folder for temporary files that a killed process leaves behind for others to clear away."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "process-"


@contextmanager
def own_folder(parent: Path) -> Iterator[Path]:
    """A folder of this process's own below `parent`, gone afterwards.

    Those of processes that ended without clearing theirs away are removed on the way in and out:
    the lock on a folder is the operating system's and ends with its process. `parent` may be
    shared by any number of processes of one machine.
    """
    parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder, descriptor = _made(parent)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)
        with _exclusive(parent):
            _remove_abandoned(parent)


def _made(parent: Path) -> tuple[Path, int]:
    # Under the parent's lock: between its making and its locking a folder looks abandoned.
    with _exclusive(parent):
        _remove_abandoned(parent)
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        descriptor = os.open(folder, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    return folder, descriptor


@contextmanager
def _exclusive(parent: Path) -> Iterator[None]:
    descriptor = os.open(parent, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _remove_abandoned(parent: Path) -> None:
    for folder in parent.glob(f"{PREFIX}*"):
        if _is_abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _is_abandoned(folder: Path) -> bool:
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(descriptor)
        return True
    return False
