"""``homevitals signer``: signs gateways' certificates for those who may open its socket."""

from __future__ import annotations

import argparse

from deploy import configuration, services
from deploy.settings import SignerSettings
from deploy.signer import service


def arguments(_parser: argparse.ArgumentParser) -> None:
    """Declare nothing: all is in the settings."""


def run(options: argparse.Namespace) -> int:
    """Serve until told to stop."""
    settings = configuration.load(options.config).get(SignerSettings)
    service.run(settings, services.prepare())
    return 0
