"""What this gateway follows, for people: its own settings, or the server's last configuration over them."""

from __future__ import annotations

from gateway import configuration_store, errors, identity
from gateway.configuration_store import Kept
from gateway.following import Plan, plan_of
from gateway.settings import GatewaySettings


def of_settings(settings: GatewaySettings) -> str:
    """Say what a gateway with these settings follows.

    Raises:
        IdentityError: it has no identity that can be used.
    """
    if not settings.remote_configuration:
        return "configuration: these settings alone; the server's are refused"
    kept = _kept(settings)
    if kept is None:
        return "configuration: these settings; the server has sent none"
    made_at = f"{kept.configuration.made_at:%Y-%m-%d %H:%M} UTC"
    lines = [f"configuration: version {kept.configuration.number} of the server, made {made_at}"]
    lines += _lines(plan_of(settings, kept.configuration))
    lines += [f"  profile {one.file_name}" for one in kept.configuration.profile_files]
    return "\n".join(lines)


def plan(settings: GatewaySettings) -> Plan:
    """Return what a gateway with these settings follows when it starts; the settings alone where it is nobody yet."""
    try:
        kept = _kept(settings) if settings.remote_configuration else None
    except errors.IdentityError:
        kept = None
    return plan_of(settings, kept.configuration if kept else None)


def _kept(settings: GatewaySettings) -> Kept | None:
    gateway_id = settings.gateway_id
    if not gateway_id:
        gateway_id = identity.IdentityFolder(settings.state_folder).newest().access.gateway_id
    return configuration_store.load(settings.state_folder, gateway_id)


def _lines(plan: Plan) -> list[str]:
    peripherals = [
        f"  peripheral {one.address}"
        + (f", “{one.name}”" if one.name else "")
        + (f", by {one.profile_id}" if one.profile_id else "")
        for one in plan.peripherals.values()
    ]
    pauses = (
        f"  asked again after {plan.revisit_after_s:g} s, sent again after {plan.resend_after_s:g} s, status every"
        f" {plan.status_every_s:g} s"
    )
    return [*(peripherals or ["  no peripheral at all"]), pauses]
