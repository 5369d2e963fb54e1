"""One gateway a data folder: the lock that says nobody else serves this store."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def data_folder_lock(folder: Path) -> Iterator[bool]:
    """Hold the folder's lock; yields whether this process got it.

    The lock is the operating system's: it ends with the process, however that ends.
    """
    with (folder / "gateway.lock").open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
