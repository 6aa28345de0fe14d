"""The way in: passwords, second factors, providers, sessions and their cookies."""

from __future__ import annotations
