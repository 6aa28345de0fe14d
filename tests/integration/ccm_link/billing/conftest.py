"""The practice of :mod:`tests.billing_practice` in each database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests import billing_practice
from tests.billing_practice import BillingPractice


@pytest.fixture
def billing(database: Any) -> Iterator[BillingPractice]:
    with billing_practice.opened(database) as practice:
        yield practice
