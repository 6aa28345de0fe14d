"""What of the product somebody outside of it can touch, collected from the code itself.

Used by the test of the threat model: a way in or out cannot come without somebody thinking about it there.
"""

from __future__ import annotations

import argparse
import ast
import functools
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

from ccm_link.settings import CcmLinkSettings
from deploy import broker_rules
from deploy import cli as server_cli
from deploy.settings import SECTIONS
from firmware_profiles import models, topics
from firmware_profiles import settings as declaration
from firmware_profiles.session_steps import Converse
from gateway import cli as gateway_cli
from gateway import settings as gateway_settings

ROOT = Path(__file__).parents[1]
PACKAGES = ("alerts", "ccm_link", "deploy", "firmware_profiles", "gateway", "ingest")
# Whoever imports one of these can speak to another machine, or to another process of this one. The database is not
# among them: who speaks to it does so in one of its roles.
SPEAKING = {
    "aiohttp",
    "http.client",
    "httpx",
    "paho.mqtt",
    "requests",
    "smtplib",
    "socket",
    "socketserver",
    "ssl",
    "urllib.request",
    "uvicorn",
    "websockets",
}


def http_routes() -> set[str]:
    """Return “METHOD /path” of every route, and of files that are served as they are."""
    # No connection is opened: the pools are only used by requests.
    from ccm_link.console import app as console_app
    from ccm_link.console.routes import permissions

    app: Any = console_app.create_app(None, None, CcmLinkSettings(), lambda: datetime.now(UTC))  # type: ignore[arg-type]

    mounted = {
        f"GET {route.path}/…"
        for route in app.routes
        if not hasattr(route, "methods") and getattr(route, "path", "")
    }
    return {f"{method} {path}" for method, path in permissions.routes(app)} | mounted


def mqtt_topics() -> set[str]:
    """Return every topic that somebody may publish or subscribe to."""
    own = {rule.topic.replace(broker_rules.OWN_NAME, "+") for rule in broker_rules.RULES}
    shaped = {
        topics.readings("gw-00000000"),
        topics.status("gw-00000000"),
        topics.receipts("gw-00000000"),
        topics.configuration("gw-00000000"),
        topics.configured("gw-00000000"),
    }
    return own | {topic.replace("gw-00000000", "+") for topic in shaped}


def peripherals() -> set[str]:
    """Return how peripherals are trusted and what their records come in: profiles are data, a site adds its own."""
    found: set[str] = set()
    for profile in models.profiles():
        found |= {profile.pairing.mode.value, *profile.measurement_characteristics}
        found |= {step.protocol for step in profile.script if isinstance(step, Converse)}
    return found


def commands() -> set[str]:
    """Return every command of both programs."""
    found = set()
    for parser in (server_cli.build_parser(), gateway_cli.build_parser()):
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                found |= {f"{parser.prog} {name}" for name in action.choices}
    scripts = {f"deploy/{path.name}" for path in (ROOT / "deploy").iterdir() if _is_script(path)}
    return found | scripts


def _is_script(path: Path) -> bool:
    return path.is_file() and path.read_bytes().startswith(b"#!")


def _settings() -> Iterator[tuple[str, declaration.Row]]:
    sections = {**SECTIONS, gateway_settings.SECTION: gateway_settings.GatewaySettings}
    for section, declared in sections.items():
        for row in declaration.describe(declared, section):
            yield section, row


def settings_sections() -> set[str]:
    """Return every table that a settings file may have."""
    return {f"[{section}]" for section, _ in _settings()}


def secrets() -> set[str]:
    """Return every setting that names a file with a secret, or a folder of them."""
    return {
        f"{section}.{row.name}"
        for section, row in _settings()
        if row.secret_file or re.search(r"secret|key|token", row.name)
    }


def files_of_settings() -> set[str]:
    """Return every other setting that names a file or folder."""
    named = {
        f"{section}.{row.name}"
        for section, row in _settings()
        if row.type_name.startswith("path") or re.search(r"(file|folder|path)$", row.name)
    }
    return named - secrets() - sockets()


def sockets() -> set[str]:
    """Return every setting that names a unix socket."""
    return {f"{s}.{row.name}" for s, row in _settings() if re.search(r"(^|_)socket$", row.name)}


def ports() -> set[str]:
    """Return every setting of a port, and the broker's listeners."""
    found = {f"{s}.{row.name}" for s, row in _settings() if re.search(r"(^|_)port$", row.name)}
    return found | {f"listener {listener.name}" for listener in broker_rules.LISTENERS}


def database_roles() -> set[str]:
    """Return every role that the product makes in PostgreSQL."""
    text = (resources.files("deploy") / "roles.sql").read_text(encoding="utf-8")
    return set(re.findall(r"'(homevitals_\w+)'", text))


def speaking_modules() -> set[str]:
    """Return every module that can speak to another process or machine."""
    return {name for name, tree in _modules() if _imports(tree) & SPEAKING}


def starting_modules() -> set[str]:
    """Return every module that starts other programs or sends them signals."""
    return {
        name
        for name, tree in _modules()
        if "subprocess" in _imports(tree)
        or any(
            isinstance(node, ast.Attribute) and node.attr in {"kill", "killpg"}
            for node in ast.walk(tree)
        )
    }


def gateway_files() -> set[str]:
    """Return the name of every file and folder that the gateway makes in its state folder."""
    trees = {
        name: tree
        for name, tree in _modules()
        if name.startswith("gateway/") and not name.startswith("gateway/ward/")
    }
    constants = {
        f"{Path(name).stem}.{key}": text
        for name, tree in trees.items()
        for key, text in _texts_of(tree)
    }
    return {
        text
        for name, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)
        for text in _joined(node.right, constants, Path(name).stem)
    }


def _texts_of(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the module's constants that are texts."""
    for node in tree.body:
        match node:
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=str(text))):
                yield name, text


def _joined(right: ast.expr, constants: dict[str, str], module: str) -> Iterator[str]:
    """Yield what is joined to a path with “/”, where the code says it."""
    if isinstance(right, ast.Constant) and isinstance(right.value, str):
        yield right.value
    elif isinstance(right, ast.JoinedStr):
        parts = (p.value if isinstance(p, ast.Constant) else "*" for p in right.values)
        yield "".join(map(str, parts))
    else:
        name = ast.unparse(right)
        for known in (name, f"{module}.{name}"):
            if known in constants:
                yield constants[known]


@functools.cache
def _modules() -> tuple[tuple[str, ast.Module], ...]:
    return tuple(
        (str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8")))
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
    )


def _imports(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            parts = name.split(".")
            found |= {".".join(parts[: n + 1]) for n in range(len(parts))}
    return found


ALL = {
    "HTTP": http_routes,
    "MQTT": mqtt_topics,
    "Bluetooth": peripherals,
    "Commands": commands,
    "Settings": settings_sections,
    "Secrets": secrets,
    "Files named by settings": files_of_settings,
    "Files of the gateway": gateway_files,
    "Unix sockets": sockets,
    "Ports": ports,
    "Database roles": database_roles,
    "Modules that speak to other processes": speaking_modules,
    "Modules that start or signal other programs": starting_modules,
}
