"""The way to the server: this gateway's certificate, the broker's name, its certificate, and whether it takes ours."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from datetime import timedelta
from typing import Final

from firmware_profiles import topics, wire
from gateway import errors, identity, identity_report, key_pair, rotation
from gateway.broker_link import BrokerLink, Will
from gateway.doctor.examined import Examined
from gateway.doctor.finding import Finding, Level, fault, ok, warning
from gateway.identity import BrokerAccess

_CONNECT_S: Final = 5.0
# With TLS 1.3 the client has finished before the server has looked at its certificate: a refusal comes a little later.
_REFUSES_WITHIN_S: Final = 1.5
_SOON: Final = timedelta(days=7)


def certificate(examined: Examined) -> list[Finding]:
    """Look at this gateway's own certificate."""
    settings, now = examined.settings, examined.now
    try:
        by_hand = rotation.given_by_hand(settings)
        if by_hand is not None:
            identity_report.of_settings(settings, now)
            own = key_pair.read_certificate(by_hand.certificate_file.read_bytes())
            renews = "whoever wrote the files has to renew it"
        else:
            newest = identity.IdentityFolder(settings.state_folder).newest()
            own, renews = newest.certificate, "a running gateway renews it by itself"
    except (errors.IdentityError, errors.ConfigurationError) as error:
        step = "enrol it with a claim code from the practice: “homevitals-gateway enrol”"
        return [fault("certificate", str(error).splitlines()[0], step)]
    except (OSError, key_pair.UnfitError):
        return [warning("certificate", "cannot be read", "run the doctor with sudo")]
    until = f"{own.not_after:%Y-%m-%d %H:%M} UTC"
    if now < own.not_before:
        step = "the clock of this machine is behind: see “clock”"
        return [fault("certificate", f"not valid before {own.not_before:%Y-%m-%d}", step)]
    if now >= own.not_after:
        step = "let the gateway run with a network: it still tries to renew it; else enrol it anew"
        return [fault("certificate", f"expired since {until}", step)]
    shown = f"{own.gateway_id}, valid until {until}"
    if own.not_after - now < _SOON:
        return [warning("certificate", shown, f"{renews}; look why it has not")]
    return [ok("certificate", f"{shown}; {renews}")]


def broker(examined: Examined) -> list[Finding]:
    """Try the way to the broker, as far as it can be tried beside a running gateway."""
    try:
        access = _access(examined)
    except errors.GatewayError:
        return [
            warning("broker", "unknown: without a certificate nobody can try", "see “certificate”")
        ]
    found = [_reached(access)]
    if found[0].level is Level.OK and not examined.is_held:
        found.append(_accepted(access, examined))
    return found + _running(examined)


def _access(examined: Examined) -> BrokerAccess:
    by_hand = rotation.given_by_hand(examined.settings)
    if by_hand is not None:
        return by_hand
    return identity.IdentityFolder(examined.settings.state_folder).newest().access


def _reached(access: BrokerAccess) -> Finding:
    """Resolve, connect, shake hands, and wait whether the broker sends us away."""
    broker = f"{access.broker_host}:{access.broker_port}"
    try:
        context = ssl.create_default_context(cafile=access.ca_file)
        context.load_cert_chain(access.certificate_file, access.key_file)
    except (OSError, ssl.SSLError):
        return fault("broker", "key and certificate cannot be used", "see “certificate”")
    try:
        plain = socket.create_connection((access.broker_host, access.broker_port), _CONNECT_S)
    except socket.gaierror:
        step = "check the network: is the cable in, does the router give names (DNS)?"
        return fault("broker", f"the name {access.broker_host} is unknown here", step)
    except OSError as error:
        step = f"check the network, and whether it lets port {access.broker_port} out"
        return fault("broker", f"{broker} is not reachable ({error.strerror or 'too slow'})", step)
    with plain:
        try:
            with context.wrap_socket(plain, server_hostname=access.broker_host) as secure:
                return _waited(secure, broker)
        except ssl.SSLCertVerificationError as error:
            return fault(
                "broker", f"{broker} does not prove to be ours: {error.verify_message}", _NOT_OURS
            )
        except ssl.SSLError as error:
            return _refused(broker, error)
        except OSError:
            step = "something between here and the broker cuts encrypted connections: ask who runs the network"
            return fault("broker", f"{broker} ended the handshake", step)


_NOT_OURS: Final = (
    "check this machine's clock first; then whether the network wants a sign-in or inspects connections; then whether"
    " the server has a new authority"
)


def _waited(secure: ssl.SSLSocket, broker: str) -> Finding:
    secure.settimeout(_REFUSES_WITHIN_S)
    try:
        sent_away = secure.recv(1) == b""
    except TimeoutError:
        sent_away = False
    if sent_away:
        return fault("broker", f"{broker} closes the connection at once", _REFUSED)
    return ok("broker", f"{broker} proves to be ours and takes this gateway's certificate")


_REFUSED: Final = (
    "ask the practice whether this gateway was revoked; if it was, it has to be enrolled anew"
)


def _refused(broker: str, error: ssl.SSLError) -> Finding:
    reason = (error.reason or "no reason").replace("_", " ").lower()
    if "alert" not in reason:  # which is how a server says no
        return fault("broker", f"what answers at {broker} is no broker ({reason})", _NOT_OURS)
    return fault(
        "broker", f"{broker} does not take this gateway's certificate ({reason})", _REFUSED
    )


def _accepted(access: BrokerAccess, examined: Examined) -> Finding:
    """Sign in as the gateway, which is not running, and leave in good order."""
    gone = wire.GatewayStatus(online=False, boot_id="0" * 32, at=examined.now, waiting_records=0)

    async def sign_in() -> None:
        link = BrokerLink(access, Will(topics.status(access.gateway_id), wire.encode_status(gone)))
        try:
            await link.open()
        finally:
            with contextlib.suppress(errors.UplinkError):
                await link.close()

    try:
        asyncio.run(sign_in())
    except errors.UplinkError as error:
        return fault("broker sign-in", str(error), _REFUSED)
    return ok("broker sign-in", f"it lets {access.gateway_id} in")


def _running(examined: Examined) -> list[Finding]:
    """Say what the running gateway knows of its connection."""
    if examined.word is None or examined.word.health is None:
        return []
    uplink = examined.word.health.uplink
    found = []
    if uplink.connected_at is None:
        reason = uplink.failure.reason.replace("_", " ") if uplink.failure else "not yet tried"
        step = "it tries again by itself; if “broker” above is well, look at the gateway's log"
        found.append(fault("connection", f"the gateway is not connected ({reason})", step))
    else:
        found.append(ok("connection", f"stands since {uplink.connected_at:%Y-%m-%d %H:%M} UTC"))
    if uplink.refusal is not None:
        reason, at = uplink.refusal.reason.replace("_", " "), uplink.refusal.at
        step = "tell who runs the server: its access list or its limits stop this gateway; records wait here"
        shown = f"the broker refused a message at {at:%Y-%m-%d %H:%M} UTC ({reason})"
        found.append(warning("publications", shown, step))
    return found
