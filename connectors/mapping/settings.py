"""The options that say how a payload is read, apart from what its records mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from canonical.errors import Unsupported
from connectors.kit.delimited import Form
from connectors.mapping.calendar import tells_a_day
from connectors.mapping.faults import Faults, join
from connectors.mapping.numbers import GROUPINGS, Signs
from connectors.mapping.scopes import Path
from connectors.mapping.sources import path_of

FORMATS = ("csv", "json", "xml")
WHOLE = "$"
"""The value of `records` that means the payload itself."""
ONLY_CSV = ("encoding", "delimiter", "quote", "skip_until", "group")
ONLY_JSON = ("delivery_key_field",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a payload is read."""

    form: str
    """`csv`, `json` or `xml`."""
    text: Form = field(default_factory=Form)
    skip_until: str = ""
    group: tuple[str, ...] = ()
    records: Path | None = None
    """None: the payload itself."""
    signs: Signs = field(default_factory=Signs)
    date_format: str | None = None
    time_format: str | None = None
    zone: ZoneInfo | None = None
    delivery_key_header: str = ""
    delivery_key_field: Path | None = None

    @property
    def ups(self) -> int:
        """How often a record can go up: in JSON to the document it stands in."""
        return 1 if self.form == "json" else 0


def settings_of(options: Mapping[str, Any], faults: Faults) -> Settings:
    """Read the options; what is wrong with them is added to the faults."""
    read = _Options(options, faults)
    form = read.text("format")
    if form not in FORMATS:
        faults.add("format", 'is "csv", "json" or "xml"')
        form = "json"
    _refuse_foreign(options, form, faults)
    return Settings(
        form=form,
        text=_form(read, faults),
        skip_until=read.text("skip_until"),
        group=read.texts("group"),
        records=read.records(form),
        signs=signs_of(options, "", Signs(), faults),
        date_format=read.format("date_format"),
        time_format=read.format("time_format"),
        zone=zone_of(options.get("timezone"), "timezone", faults),
        delivery_key_header=read.text("delivery_key_header").lower(),
        delivery_key_field=read.path("delivery_key_field", "json"),
    )


def _refuse_foreign(options: Mapping[str, Any], form: str, faults: Faults) -> None:
    for names, only in ((ONLY_CSV, "csv"), (ONLY_JSON, "json")):
        for name in names:
            if name in options and form != only:
                faults.add(name, f"is only for the format {only!r}")
    if form == "csv" and options.get("records", WHOLE) != WHOLE:
        faults.add("records", "is not for CSV files: every row is a record")


def _form(read: _Options, faults: Faults) -> Form:
    try:
        return Form(
            encoding=read.text("encoding", "utf-8"),
            delimiter=read.text("delimiter", ","),
            quote=read.text("quote", '"') or None,
        )
    except Unsupported as error:
        faults.add(error.path or "delimiter", str(error))
        return Form()


def signs_of(table: Mapping[str, Any], where: str, default: Signs, faults: Faults) -> Signs:
    """How numbers are written, from `decimal` and `grouping` in a table."""
    decimal = table.get("decimal", default.decimal)
    grouping = table.get("grouping", default.grouping)
    if decimal not in (".", ","):
        faults.add(join(where, "decimal"), 'is "." or ","')
    elif not isinstance(grouping, str) or grouping not in GROUPINGS:
        faults.add(join(where, "grouping"), "is no sign that stands between thousands")
    elif grouping == decimal:
        faults.add(join(where, "grouping"), "is the decimal sign, too")
    else:
        return Signs(decimal, grouping)
    return default


def zone_of(name: Any, where: str, faults: Faults) -> ZoneInfo | None:
    """A zone by its name in the IANA database."""
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, TypeError, LookupError):
        faults.add(where, "is no time zone of the IANA database, like Europe/Berlin")
        return None


def format_of(pattern: Any, where: str, faults: Faults) -> str | None:
    """A format of dates or times, as Python's strptime has them."""
    if pattern is None:
        return None
    if not isinstance(pattern, str) or not tells_a_day(pattern):
        faults.add(where, "does not tell day, month and year, like %d.%m.%Y")
        return None
    return pattern


class _Options:
    """The options by name and type."""

    def __init__(self, options: Mapping[str, Any], faults: Faults) -> None:
        self._options = options
        self._faults = faults

    def text(self, name: str, default: str = "") -> str:
        value = self._options.get(name, default)
        if isinstance(value, str):
            return value
        self._faults.add(name, "must be text")
        return default

    def texts(self, name: str) -> tuple[str, ...]:
        value = self._options.get(name, [])
        if isinstance(value, str):
            return (value,)
        if isinstance(value, Sequence) and all(isinstance(one, str) for one in value):
            return tuple(value)
        self._faults.add(name, "must be a list of texts")
        return ()

    def format(self, name: str) -> str | None:
        return format_of(self._options.get(name), name, self._faults)

    def records(self, form: str) -> Path | None:
        if self._options.get("records", WHOLE) == WHOLE or form == "csv":
            return None
        return self.path("records", form)

    def path(self, name: str, form: str) -> Path | None:
        text = self.text(name)
        if not text:
            return None
        try:
            return path_of(text, form)
        except ValueError as error:
            self._faults.add(name, str(error))
            return None
