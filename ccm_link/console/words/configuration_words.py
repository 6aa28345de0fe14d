"""How far a gateway has followed its configuration, in words, with the next step."""

from __future__ import annotations

from typing import Final

from ccm_link.console.words.gateway_words import GatewayState
from firmware_profiles.signed_configuration import ConfigurationRefusal
from ingest.gateway_configurations import FollowingState

# What to do about each refusal; the gateway's own words stand beside it.
_NEXT_STEPS: Final = {
    ConfigurationRefusal.UNREADABLE: "Box and server may be of different releases: update the older one.",
    ConfigurationRefusal.UNKNOWN_KEY: "The box learns the signer’s key when it renews its certificate, which it does "
    "by itself within the hour. A box whose identity was given by hand needs the key in configuration_signers_file.",
    ConfigurationRefusal.BAD_SIGNATURE: "Something on the way has changed it. Tell whoever runs the broker; the box "
    "goes on as before.",
    ConfigurationRefusal.OTHER_GATEWAY: "It was given another box’s. Tell whoever runs the broker; the box goes on as "
    "before.",
    ConfigurationRefusal.OTHER_FORMAT: "The box has an older release: update it.",
    ConfigurationRefusal.OLDER: "It follows a newer one already. Make the configuration again here if this goes on.",
    ConfigurationRefusal.SAME_NUMBER: "It follows another one of the same number. Make the configuration again here.",
    ConfigurationRefusal.BROKEN_PROFILE: "Correct the profile and add it again; its release may be older than the "
    "server’s.",
    ConfigurationRefusal.UNKNOWN_PROFILE: "Choose another profile for the peripheral, or update the box.",
    ConfigurationRefusal.SWITCHED_OFF: "The box’s own settings refuse all configurations: set remote_configuration to "
    "true there.",
    ConfigurationRefusal.NOT_STORED: "Its disk did not take it: look at the disk, then make the configuration again.",
}


def state(latest_number: int, following: FollowingState) -> GatewayState:
    """Say how far a gateway has followed its latest version.

    Args:
        latest_number: Of the latest version; 0 where there is none.
        following: What was sent and heard.
    """
    if latest_number == 0:
        return GatewayState(
            "none", "The box goes by its own settings, which somebody typed in there.", is_fine=True
        )
    if following.applied_number == latest_number and following.refused_reason is None:
        return GatewayState("followed", "Nothing to do.", is_fine=True)
    if following.refused_reason is not None:
        return GatewayState(
            f"refused: {following.refused_reason.replace('_', ' ')}",
            _next_step(following.refused_reason),
            is_fine=False,
        )
    if following.sent_number != latest_number:
        return GatewayState(
            "not sent yet",
            "A claimed box is sent it within seconds. If that takes longer, look at ingest’s log.",
            is_fine=True,
        )
    if following.heard_at is None:
        return GatewayState(
            "sent, never answered",
            "The box follows it when it connects. A box with an older release never does: update it.",
            is_fine=False,
        )
    return GatewayState(
        "sent, not answered yet",
        "The box follows it when it connects next.",
        is_fine=True,
    )


def _next_step(reason: str) -> str:
    known = next((words for name, words in _NEXT_STEPS.items() if name == reason), None)
    return known or "Look at the box’s log."
