"""What ``homevitals-gateway pair`` says and asks, while the running gateway does the work."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from typing import Final

from firmware_profiles.device_profile import PairingMode
from gateway import control_client
from gateway.control_socket import Members
from gateway.errors import ExitCode
from gateway.pairing_window import Stage
from gateway.settings import GatewaySettings

# The gateway says something every ten seconds at least.
_SILENCE_S: Final = 60.0
_MODES: Final[Mapping[object, str]] = {
    PairingMode.NONE: "needs no pairing",
    PairingMode.JUST_WORKS: "pairs without a code",
    PairingMode.PASSKEY: "shows a code of six digits",
}


def pair(options: argparse.Namespace, settings: GatewaySettings) -> ExitCode:
    """Pair one peripheral, or list who is there.

    Raises:
        ControlError: it was not paired, with what to do; or the gateway does not run.
    """
    if options.list:
        return _list(options, settings)
    if options.address is None:
        print(
            "homevitals-gateway: which peripheral? Give its address; “pair --list” says who is heard",
            file=sys.stderr,
        )
        return ExitCode.USAGE
    request: Members = {
        "do": "pair",
        "address": options.address,
        "seconds": options.seconds,
        "if_needed": options.if_needed,
    }
    with control_client.asking(settings.state_folder, request, _SILENCE_S) as gateway:
        while True:
            line = gateway.next_line()
            if "answer" in line:
                break
            if line.get("want") == "passkey":
                _answer_passkey(gateway)
            else:
                print(_words(_members(line.get("news"))), flush=True)
    answer = _members(line["answer"])
    title = answer.get("title")
    print(f"Paired: {title}. {answer.get('words')}" if title else answer.get("words"))
    return ExitCode.OK


def _answer_passkey(gateway: control_client.Request) -> None:
    """Ask for the code, and stop asking when the gateway has something to say meanwhile."""
    print("The peripheral shows a code of six digits. Type it: ", end="", flush=True)
    if gateway.wait(sys.stdin.fileno()):
        print()
        return
    gateway.say({"passkey": sys.stdin.readline().strip()})


def _words(news: Members) -> str:
    title, words = news.get("title") or "the peripheral", str(news.get("words") or "")
    match news.get("stage"):
        case Stage.SEARCHING:
            left = news.get("seconds_left")
            return f"Looking for the peripheral, {left} s left (Ctrl-C ends it). {words}".strip()
        case Stage.UNKNOWN_MODEL:
            return f"It is there as “{title}”, but this gateway has no device profile for it."
        case Stage.FOUND:
            return f"Found “{title}”; connecting."
        case Stage.WORKING:
            return "Still talking to it."
        case Stage.TYPE_THERE:
            return f"Type this code on the peripheral: {news.get('passkey'):06}"
        case Stage.FAILED:
            return f"Not yet: {words}"
        case _:
            return words


def _list(options: argparse.Namespace, settings: GatewaySettings) -> ExitCode:
    if not options.json:
        print("Listening for ten seconds; put peripherals into pairing mode now.", file=sys.stderr)
    answer = control_client.answer(settings.state_folder, {"do": "pairable"})
    found = answer.get("peripherals")
    peripherals = [_members(one) for one in found] if isinstance(found, list) else []
    if options.json:
        print(json.dumps(peripherals))
        return ExitCode.OK
    for one in peripherals:
        print(_row(one))
    if not peripherals:
        print("None of a known model was heard.", file=sys.stderr)
    return ExitCode.OK


def _row(one: Members) -> str:
    if one.get("is_paired"):
        state = "paired"
    elif one.get("is_allowed"):
        state = _MODES.get(one.get("mode"), "no device profile fits")
    else:
        state = "not on this home's list"
    title = one.get("title") or "unknown model"
    return (
        f"{one.get('address')}  {one.get('rssi_dbm'):>4} dBm  {title} ({one.get('name')}): {state}"
    )


def _members(node: object) -> Members:
    return node if isinstance(node, dict) else {}
