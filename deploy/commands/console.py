"""``homevitals console``: the console and the HTTP API."""

from __future__ import annotations

import argparse

from ccm_link.console import service
from ccm_link.settings import CcmLinkSettings
from deploy import configuration
from firmware_profiles import logs


def arguments(_parser: argparse.ArgumentParser) -> None:
    """Declare nothing: all is in the settings."""


def run(options: argparse.Namespace) -> int:
    """Serve until told to stop; uvicorn handles the signals."""
    logs.configure("INFO")
    service.run(configuration.load(options.config).get(CcmLinkSettings))
    return 0
