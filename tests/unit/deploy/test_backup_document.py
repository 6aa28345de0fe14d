"""What a backup of the database leaves out is listed: every file that the settings of the server name."""

from __future__ import annotations

from pathlib import Path

from tests import interfaces

TEXT = (Path(__file__).parents[3] / "docs" / "backup.md").read_text(encoding="utf-8")


def test_every_file_of_the_servers_settings_is_saved_or_said_not_to_be() -> None:
    named = interfaces.secrets() | interfaces.files_of_settings() | interfaces.sockets()
    of_the_server = {name for name in named if not name.startswith("gateway.")}
    assert sorted(name for name in of_the_server if f"`{name}`" not in TEXT) == []
