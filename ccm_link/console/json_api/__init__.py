"""The JSON API beside the pages: what programs may ask, how it is described, and its models."""

from __future__ import annotations
