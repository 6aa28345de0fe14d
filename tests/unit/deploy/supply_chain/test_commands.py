from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from deploy.supply_chain import __main__ as commands
from deploy.supply_chain import advisory, sbom


def test_our_own_locks_pass_the_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.main(["check"]) == 0
    told = capsys.readouterr().out
    assert "gateway:" in told
    assert "days old" in told


def test_a_weakness_of_a_pinned_version_fails_the_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (collection, *_) = commands.findings.kept_collections()
    made_up = advisory.Advisory("X-1", (), "bleak", (((advisory.Bound.INTRODUCED, "0"),),))
    file = tmp_path / "more.json"
    file.write_text(
        advisory.write(
            advisory.Collection(
                "s",
                "l",
                "",
                collection.taken_on,
                frozenset(),
                is_complete=False,
                advisories=(made_up,),
            )
        )
    )
    assert commands.main(["check", "--advisories", str(file)]) == 1
    assert "X-1" in capsys.readouterr().out


def test_a_bill_is_written_for_each_lock_and_is_the_same_each_time(tmp_path: Path) -> None:
    words = ["sbom", "--at", "2026-11-21T13:00:00+01:00", "--folder"]
    for name in ("once", "again"):
        assert commands.main([*words, str(tmp_path / name)]) == 0
    files = sorted(path.name for path in (tmp_path / "once").iterdir())
    assert len(files) == 3
    for name in files:
        text = (tmp_path / "once" / name).read_text()
        assert text == (tmp_path / "again" / name).read_text()
        assert "2026-11-21T12:00:00+00:00" in text
        sbom.check(text)


def test_an_instant_without_a_zone_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        commands.main(["sbom", "--at", "2026-11-21T13:00:00", "--folder", str(tmp_path)])
    assert ended.value.code == 2


def test_a_copy_is_renewed_from_a_checkout_for_our_packages(tmp_path: Path) -> None:
    vulnerable = tmp_path / "db" / "vulns" / "bleak" / "PYSEC-2026-1.yaml"
    vulnerable.parent.mkdir(parents=True)
    vulnerable.write_text(
        "id: PYSEC-2026-1\naffected:\n- package: {name: bleak, ecosystem: PyPI}\n"
        "  ranges:\n  - type: ECOSYSTEM\n    events:\n    - introduced: '0'\n    - fixed: 0.5\n"
    )
    identity = ["-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    for step in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run(["git", "-C", tmp_path / "db", *identity, *step], check=True)
    file = tmp_path / "pypa.json"
    assert commands.main(["renew", str(tmp_path / "db"), "--file", str(file)]) == 0
    found = advisory.read(file.read_text())
    assert [one.advisory_id for one in found.advisories] == ["PYSEC-2026-1"]
    assert {"bleak", "fastapi", "pytest"} <= found.packages


def test_a_folder_that_is_no_checkout_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert commands.main(["renew", str(tmp_path)]) == 1
    assert "checkout" in capsys.readouterr().err
