"""Starts a new connector: a folder that passes the conformance suite as it is."""

from __future__ import annotations

import hashlib
import hmac
import json
import keyword
from pathlib import Path
from string import Template
from typing import get_args

from canonical.errors import Malformed
from connectors import goldens, registry
from connectors.contract import Family
from connectors.scaffold_template import BODY, INIT, MANIFEST, README, TRANSLATE

HERE = Path(__file__).parent
_FIXTURE = "order.created__basic.json"


def scaffold(name: str, *, family: str, folder: Path = HERE) -> list[Path]:
    """Create `folder/name` with a working connector for a signed webhook; returns its files.

    Without a folder it goes beside the other connectors. Raises Malformed: `bad_name`,
    `unknown_family`, or `already_there` when anything by that name exists in the folder. Nothing
    that exists is touched.
    """
    target = _target(name, family, folder)
    secret = f"{name}-fixture-secret"
    place = {
        "name": name,
        "title": name.replace("_", " ").title(),
        "family": family,
        "header": name.replace("_", "-"),
    }
    files = {
        "manifest.toml": Template(MANIFEST).substitute(place),
        "__init__.py": Template(INIT).substitute(place),
        "translate.py": Template(TRANSLATE).substitute(place),
        "README.md": Template(README).substitute(place),
        "fixtures/secrets.toml": f'secrets = ["{secret}"]\n',
        f"fixtures/{_FIXTURE}": BODY,
        f"fixtures/{_FIXTURE}.meta.json": _meta(name, secret),
    }
    (target / "fixtures").mkdir(parents=True)
    written = []
    for path, text in files.items():
        with (target / path).open("x", encoding="utf-8", newline="") as out:
            out.write(text)
        written.append(target / path)
    specimen = goldens.specimen_of(registry.load_folder(target), target)
    return written + goldens.write_goldens_of(specimen)


def _target(name: str, family: str, folder: Path) -> Path:
    if not registry.is_name(name) or keyword.iskeyword(name):
        raise Malformed(
            f"{name[:40]!r} cannot name a connector: use 2 to 40 small letters, digits and _",
            code="bad_name",
        )
    if family not in get_args(Family):
        known = ", ".join(get_args(Family))
        raise Malformed(f"{family[:40]!r} is none of {known}", code="unknown_family")
    target = folder / name
    if any(path.exists() or path.is_symlink() for path in (target, target.with_suffix(".py"))):
        raise Malformed(f"{target} exists already", code="already_there")
    return target


def _meta(name: str, secret: str) -> str:
    signature = hmac.digest(secret.encode(), BODY.encode(), hashlib.sha256).hex()
    headers = {
        "content-type": "application/json",
        f"x-{name.replace('_', '-')}-signature": signature,
    }
    return json.dumps({"headers": headers, "received_at": "2026-03-02T10:00:05Z"}, indent=2) + "\n"
