"""``homevitals broker config``."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy import cli


@pytest.mark.parametrize(
    ("broker", "names"),
    [("mosquitto", {"mosquitto.conf", "acl"}), ("emqx", {"homevitals.conf", "acl.conf"})],
)
def test_the_files_are_written_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], broker: str, names: set[str]
) -> None:
    file = tmp_path / "server.toml"
    file.write_text('[broker]\ngateway_port = 18883\ningest_workers = ["ingest-7"]\n')
    words = ["broker", "config", "--broker", broker, "--mosquitto-version", "2.1"]
    assert cli.main([*words, "--out", str(tmp_path / "out"), "--config", str(file)]) == 0
    written = {Path(line) for line in capsys.readouterr().out.splitlines()}
    assert written == {tmp_path / "out" / name for name in names}
    assert all(path.is_absolute() for path in written)
    assert any("18883" in path.read_text() for path in written)


def test_an_old_mosquitto_is_refused(tmp_path: Path) -> None:
    words = ["broker", "config", "--mosquitto-version", "1.6", "--out", str(tmp_path / "out")]
    assert cli.main(words) == 4
