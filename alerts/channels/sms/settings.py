"""What the text-message channel is told."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from alerts.channels import addresses
from alerts.channels.sms import templates
from firmware_profiles.settings import setting

NOT_SET: Final = Path()


class Content(StrEnum):
    """What the body is."""

    FORM = "form"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class SmsSettings:
    """Settings of section ``sms``."""

    url: str = setting(
        "",
        help="where the provider takes messages, as a template with {to}, {text} and {id}; empty: nobody is called by "
        "text message",
    )
    content: Content = setting(
        Content.FORM, help="what the body is, which decides how it is escaped"
    )
    body: str = setting(
        "to={to}&text={text}", help="the body, as a template with {to}, {text}, {id} and {secret}"
    )
    headers: tuple[str, ...] = setting(
        (),
        help="headers as “Name: template” with {id}, {secret} and {basic}, such as “Authorization: Bearer {secret}”",
    )
    user: str = setting("", help="name for basic authentication, where {basic} is used")
    secret_file: Path = setting(
        NOT_SET,
        secret_file=True,
        help="file with the provider's token or password, for {secret} and {basic}",
    )
    answer_id: str = setting(
        "",
        help="where the provider's JSON answer has the message's id, for example sid or messages.0.id; empty: it is "
        "not looked for",
    )
    ca_file: Path = setting(
        NOT_SET,
        help="certificates (PEM) of the authorities that may have signed the provider's; not set: the system's",
    )
    timeout_s: float = setting(
        10.0,
        unit="s",
        minimum=1.0,
        maximum=20.0,
        help="longest wait for each step of the provider's answer",
    )

    @property
    def is_on(self) -> bool:
        """Whether anybody can be called over it."""
        return bool(self.url)

    def faults(self) -> list[str]:
        """Return what does not fit together; each begins with the setting's name."""
        if not self.is_on:
            return []
        used = {name for text in (self.body, *self.headers) for name in templates.names(text)}
        found = [
            *templates.faults("url", self.url, templates.IN_ADDRESS),
            *templates.faults("body", self.body, templates.IN_BODY),
        ]
        for header in self.headers:
            found += templates.faults("headers", header, templates.IN_HEADER)
            if not templates.is_header(header):
                found.append("headers has one that is not “Name: template”; correct it")
        if not addresses.is_safe(templates.filled_for_look(self.url)):
            found.append("url is not https; text messages would cross a network in the clear")
        if used & {"secret", "basic"} and self.secret_file == NOT_SET:
            found.append(
                "secret_file is not set, and {secret} or {basic} stands in a template; set it"
            )
        return found
