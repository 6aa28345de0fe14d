"""Rule sets that somebody names on the command line: one that we ship, or a file."""

from __future__ import annotations

from pathlib import Path

from alerts import rule_set
from alerts.rule_set import RuleSet
from deploy import errors


def read(given: str) -> RuleSet:
    """Read one of the sets that we ship, or a file.

    Raises:
        DeployError: it is neither, or has mistakes; each is named with its line.
    """
    shipped = rule_set.shipped()
    if given in shipped:
        return rule_set.parse(given, shipped[given])
    path = Path(given)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise errors.DeployError(
            f"{given} is neither a file that can be read ({type(error).__name__}) nor one of {', '.join(shipped)}"
        ) from error
    try:
        return rule_set.parse(path.name, text)
    except rule_set.RuleSetError as error:
        raise errors.DeployError(f"the rules cannot be used:\n{error}") from error
