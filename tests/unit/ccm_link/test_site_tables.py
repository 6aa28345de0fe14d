"""A site's own billing tables: what is read from where, for whom, and what is said of mistakes."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from ccm_link.billing import rule_book
from ccm_link.billing.rows import Coverage, Program
from ccm_link.claim import site_tables
from ccm_link.console import surroundings
from ccm_link.settings import CcmLinkSettings
from firmware_profiles.errors import SettingsError

_FEES = """
title = "Fees"
source = "x"
[[fee]]
code = "99490"
from_on = "2026-01-01"
until_on = "2026-12-31"
amount = "66.13"
"""
_OVERLAY = """
title = "A payer"
from_on = "2026-01-01"
note = "x"
[[coverage]]
name = "rpm"
diagnoses = ["I50"]
source = "x"
certainty = "one"
"""
NOVEMBER = date(2026, 11, 30)


def test_years_payers_fees_and_charges_have_their_places(tmp_path: Path) -> None:
    (tmp_path / "payers").mkdir()
    (tmp_path / "payers" / "elm-oak-health-inc.toml").write_text(_OVERLAY)
    (tmp_path / "2027.toml").write_text('title = "2027"\nfrom_on = "2027-01-01"\nnote = "x"\n')
    (tmp_path / "fees.toml").write_text(_FEES)
    found = site_tables.of_folder(tmp_path)
    assert found.book.on(date(2027, 1, 31)).find(Program, "ccm") is not None
    assert found.of_payer("Elm & Oak Health, Inc.").on(NOVEMBER).find(Coverage, "rpm") is not None
    assert found.of_payer("Another").on(NOVEMBER).find(Coverage, "rpm") is None
    assert found.of_payer(None) is found.book
    assert found.fees is not None
    assert found.charges is None
    assert found.sha256_of("Elm & Oak Health, Inc.") != found.sha256_of(None)
    assert found.sha256_of("Another") == found.sha256_of(None)


def test_a_mistake_ends_the_console_at_its_start(tmp_path: Path) -> None:
    (tmp_path / "fees.toml").write_text(_FEES.replace("66.13", "66"))
    with pytest.raises(SettingsError, match=r"expected an amount like"):
        surroundings.check(CcmLinkSettings(billing_tables=tmp_path))
    with pytest.raises(rule_book.TableError, match="cannot be read"):
        site_tables.of_folder(tmp_path / "nowhere")
    surroundings.check(CcmLinkSettings())
