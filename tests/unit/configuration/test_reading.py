"""gateway.toml: what it may say, and where the fault stands when it says something else."""

from pathlib import Path

import pytest

from canonical.errors import Malformed
from configuration import parse_configuration, read_configuration
from configuration.secrets import resolve_secret

GOOD = """
data = "state"

[http]
port = 9090

[[accounts]]
connector = "shopify"
account = "acme-eu"
secrets = ["env:NEW_SECRET", "env:OLD_SECRET"]

[accounts.options]
shop_domain = "acme.example.com"

[[accounts]]
connector = "camt"
account = "house-bank"
folder = "inbox/bank"

[[routes]]
name = "large"
when = { type = "o2c.order.*", data = { "totals.total.amount" = { gte = "1000" } } }
to = ["large-orders"]
"""


def test_a_full_file_is_read_relative_to_itself(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(GOOD)

    configuration = read_configuration(file, {})

    assert configuration.data == tmp_path / "state"
    assert configuration.accounts[0].options == {"shop_domain": "acme.example.com"}
    assert configuration.accounts[1].folder == tmp_path / "inbox/bank"
    assert configuration.http.port == 9090
    assert configuration.store_url == f"sqlite:///{tmp_path / 'state/gateway.db'}"


def test_the_environment_is_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(GOOD)
    environment = {"GATEWAY_PORT": "8181", "GATEWAY_STORE_URL": "postgresql://db/hub"}

    configuration = read_configuration(file, environment)

    assert configuration.http.port == 8181
    assert configuration.store_url == "postgresql://db/hub"


def test_a_password_file_goes_into_the_url(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("s3/cret\n")
    environment = {
        "GATEWAY_STORE_URL": "postgresql://hub@db/hub",
        "GATEWAY_STORE_PASSWORD_FILE": str(password),
    }

    assert read_configuration(None, environment).store_url == "postgresql://hub:s3%2Fcret@db/hub"


@pytest.mark.parametrize(
    ("text", "line", "path", "says"),
    [
        ("[http]\nprot = 1\n", 2, "http.prot", "unknown setting"),
        ("a = [1,\n", 1, "", "not TOML"),
        ('[[accounts]]\nconnector = "camt"\n', 1, "accounts[0].account", "required"),
        (
            (
                '[[accounts]]\nconnector = "camt"\naccount = "a"\n\n[[accounts]]\n'
                'connector = "shopify"\naccount = "b"\nsecrets = ["hunter2"]\n'
            ),
            8,
            "accounts[1].secrets[0]",
            "must be a reference",
        ),
        ('[[routes]]\nname = "x"\nto = ["Bad Name"]\n', 3, "routes[0].to[0]", "pattern"),
    ],
)
def test_each_fault_names_its_line(
    tmp_path: Path, text: str, line: int, path: str, says: str
) -> None:
    configuration, findings = parse_configuration(text, {}, tmp_path)

    assert configuration is None
    assert [(one.line, one.path) for one in findings] == [(line, path)]
    assert says in findings[0].message


def test_a_literal_secret_never_shows_in_the_error(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text('[[accounts]]\nconnector = "camt"\naccount = "a"\nsecrets = ["hunter2"]\n')

    with pytest.raises(Malformed) as refused:
        read_configuration(file, {})

    assert "hunter2" not in str(refused.value)


def test_secrets_are_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"from-file\r\n")

    assert resolve_secret("env:NAME", {"NAME": "value"}, tmp_path) == b"value"
    assert resolve_secret("file:secret", {}, tmp_path) == b"from-file"


@pytest.mark.parametrize("reference", ["env:MISSING", "env:EMPTY", "file:nowhere", "file:."])
def test_a_secret_that_is_not_there_is_an_error(tmp_path: Path, reference: str) -> None:
    with pytest.raises(Malformed) as missing:
        resolve_secret(reference, {"EMPTY": ""}, tmp_path)
    assert missing.value.code == "missing_secret"


def test_domains_are_named_in_the_file_or_the_environment() -> None:
    configuration, findings = parse_configuration(
        '[domains]\nrun = ["cash"]\ntolerance = { EUR = "0.05" }', {}, Path()
    )
    assert findings == []
    assert configuration is not None
    assert configuration.domains.run == ("cash",)
    environment = {"GATEWAY_DOMAINS": "order, shipment"}
    configuration, _ = parse_configuration("", environment, Path())
    assert configuration is not None
    assert configuration.domains.run == ("order", "shipment")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('[domains]\nrun = ["stock"]', "domains.run[0]"),
        ('[domains.tolerance]\nEUR = "-1"', "domains.tolerance"),
        ("[domains]\npatience_hours = 0", "domains.patience_hours"),
    ],
)
def test_domains_that_cannot_be_are_told(text: str, path: str) -> None:
    _, (finding,) = parse_configuration(text, {}, Path())
    assert finding.path == path
