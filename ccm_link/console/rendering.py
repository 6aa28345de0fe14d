"""Templates into pages."""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import Final

import jinja2

from ccm_link.console import reading_words, task_words, wording

_ENVIRONMENT: Final = jinja2.Environment(
    loader=jinja2.PackageLoader("ccm_link.console"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _sheet_version() -> str:
    sheet = resources.files("ccm_link.console") / "static" / "console.css"
    return hashlib.sha256(sheet.read_bytes()).hexdigest()[:12]


# The style sheet's address changes with its content, so a browser may keep it for good.
_ENVIRONMENT.globals.update(
    words=wording,
    speech=reading_words,
    of_task=task_words,
    sheet=f"/static/console.css?v={_sheet_version()}",
)


def render(template: str, **shown: object) -> str:
    """Return a template's text with everything escaped that is not markup of ours.

    Raises:
        jinja2.UndefinedError: the template shows something that was not given.
    """
    return _ENVIRONMENT.get_template(template).render(shown)
