"""Who sits at the command line, as the audit trail names them."""

from __future__ import annotations

import getpass

from ingest.audit import Agent, AgentKind


def agent() -> Agent:
    """Return the system's user as the one who does it."""
    return Agent(AgentKind.COMMAND_LINE, getpass.getuser())
