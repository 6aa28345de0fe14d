"""Templates into pages."""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import Final

import jinja2

from ccm_link.console.words import (
    plan_words,
    planned_words,
    program_words,
    reading_words,
    record_words,
    task_words,
    time_words,
    wording,
)

_ENVIRONMENT: Final = jinja2.Environment(
    loader=jinja2.PackageLoader("ccm_link.console"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _kept(name: str) -> str:
    """Return the address of a file that changes with its content, so a browser may keep it for good."""
    content = (resources.files("ccm_link.console") / "static" / name).read_bytes()
    return f"/static/{name}?v={hashlib.sha256(content).hexdigest()[:12]}"


_ENVIRONMENT.globals.update(
    words=wording,
    speech=reading_words,
    sheet=_kept("console.css"),
    needs_script=_kept("needs.js"),
    of_task=task_words,
    of_plans=planned_words,
    of_record=record_words,
    of_program=program_words,
    plans=plan_words,
    of_time=time_words,
)


def render(template: str, **shown: object) -> str:
    """Return a template's text with everything escaped that is not markup of ours.

    Raises:
        jinja2.UndefinedError: the template shows something that was not given.
    """
    return _ENVIRONMENT.get_template(template).render(shown)
