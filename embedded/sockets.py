"""Where a server's socket lies when its folder's path is too long for one: below the temp folder.

Such a folder links back to the one it stands in for, so that it can be told whether anybody still
wants it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

PREFIX = "o2c-streams-"
HOME = "home"


def stand_in(record: Path, socket: str) -> Path:
    """A socket path in a new private folder with a short path, noted in `record`.

    `record` lies in the folder that is stood in for. Stand-ins that no folder's record names any
    more are removed on the way.
    """
    for folder in _stand_ins():
        if _is_forgotten(folder, record.name):
            shutil.rmtree(folder, ignore_errors=True)
    made = Path(tempfile.mkdtemp(prefix=PREFIX))
    record.write_text(str(made / socket), encoding="utf-8")
    # Last: without the link it is no stand-in yet, and nobody clears it away.
    (made / HOME).symlink_to(record.parent)
    return made / socket


def drop_stand_in(folder: Path) -> None:
    """Remove a stand-in whose server has ended; any other folder is left alone."""
    if folder.name.startswith(PREFIX) and (folder / HOME).is_symlink():
        shutil.rmtree(folder, ignore_errors=True)


def is_private(folder: Path) -> bool:
    """Whether this is a folder of ours that nobody else can enter."""
    try:
        state = folder.stat(follow_symlinks=False)
    except FileNotFoundError:
        return False
    return state.st_uid == os.getuid() and not state.st_mode & 0o077


def _stand_ins() -> Iterator[Path]:
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if is_private(folder) and (folder / HOME).is_symlink():
            yield folder


def _is_forgotten(folder: Path, record: str) -> bool:
    """Whether the folder it stands in for is gone, or has its socket elsewhere."""
    try:
        named = Path((folder / HOME / record).read_text(encoding="utf-8").strip())
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return named.parent != folder
