"""EMQX's decision about an acl.conf, as far as we use its language.

Source: EMQX, apps/emqx_auth/src/emqx_authz/emqx_authz_rule.erl and apps/emqx/src/emqx_topic.erl (5.8.9, August 2026).
Two things that one would not guess: a subscription is matched as a topic, so its “#” matches a “+” of the rule, and
where a name with a wildcard is put into a topic 5.8 takes it at its word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(r'\s+|%%[^\n]*|"(?:\\.|[^"\\])*"|[a-z]\w*|\d+|[{}\[\],.]')


@dataclass(frozen=True)
class Atom:
    name: str


def terms(text: str) -> list[Any]:
    """Read Erlang terms, each ended by a full stop: tuples, lists, strings, atoms and numbers."""
    tokens, position = [], 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        assert found, text[position:][:40]
        position = found.end()
        if not found[0].isspace() and not found[0].startswith("%%"):
            tokens.append(found[0])
    read, rest = [], tokens
    while rest:
        term, rest = _term(rest)
        assert rest[0] == "."
        read.append(term)
        rest = rest[1:]
    return read


def _term(tokens: list[str]) -> tuple[Any, list[str]]:
    first, rest = tokens[0], tokens[1:]
    if first in "{[":
        members, closing = [], "}" if first == "{" else "]"
        while rest[0] != closing:
            member, rest = _term(rest)
            members.append(member)
            if rest[0] == ",":
                rest = rest[1:]
        return (tuple(members) if first == "{" else members), rest[1:]
    if first.startswith('"'):
        return first[1:-1].replace("\\\\", "\\").replace('\\"', '"'), rest
    return (int(first) if first.isdigit() else Atom(first)), rest


def decides(rules: list[Any], user_name: str, act: str, topic: str, *, retain: bool = False) -> str:
    """Return what the first matching rule says: “allow” or “deny”; “no match” where there is none."""
    if act == "subscribe":
        topic = re.sub(r"^\$(share|queue)/[^/]+/", "", topic)
    for rule in rules:
        permission, who, *rest = rule
        what, topics = rest or (Atom("all"), Atom("all"))
        if (
            _is_client(who, user_name)
            and _is_act(what, act, retain)
            and _is_topic(topics, topic, user_name)
        ):
            return str(permission.name)
    return "no match"


def _is_client(who: Any, user_name: str) -> bool:
    if who == Atom("all"):
        return True
    kind, pattern = who
    assert kind == Atom("username")
    if isinstance(pattern, tuple):
        assert pattern[0] == Atom("re")
        return re.search(pattern[1].replace(r"\z", r"\Z"), user_name) is not None
    return bool(pattern == user_name)


def _is_act(what: Any, act: str, retain: bool) -> bool:
    if isinstance(what, Atom):
        return what.name in {act, "all"}
    kind, options = what
    asked = {name.name: value for name, value in options}
    kept = asked.get("retain", Atom("all"))
    return (
        kind.name in {act, "all"}
        and 1 in asked.get("qos", [0, 1, 2])
        and (kept == Atom("all") or kept == Atom(str(retain).lower()))
    )


def _is_topic(topics: Any, topic: str, user_name: str) -> bool:
    if topics == Atom("all"):
        return True
    for each in topics:
        if isinstance(each, tuple):
            assert each[0] == Atom("eq")
            if each[1] == topic:
                return True
        elif _matches(
            topic.split("/"),
            each.replace("${username}", user_name).replace("${clientid}", user_name).split("/"),
        ):
            return True
    return False


def _matches(name: list[str], wanted: list[str]) -> bool:
    if name[0].startswith("$") and wanted[0] in {"+", "#"}:
        return False
    while name and wanted and (wanted[0] == name[0] or wanted[0] == "+") and wanted != ["#"]:
        name, wanted = name[1:], wanted[1:]
    return wanted == ["#"] or (not name and not wanted)
