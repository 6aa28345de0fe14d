"""Messages to a mail server over SMTP."""

from __future__ import annotations

import contextlib
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from alerts import errors
from alerts.channels.email import texts
from alerts.channels.email.settings import NOT_SET, EmailSettings, Security
from alerts.channels.message import Message
from alerts.errors import Failure
from firmware_profiles import secret_file
from firmware_profiles.errors import SettingsError

# From here on an answer is a refusal for good. Source: RFC 5321, section 4.2.1.
_FOR_GOOD: Final = 500


class EmailTransport:
    """The way to one mail server."""

    def __init__(self, settings: EmailSettings) -> None:
        self._settings = settings

    def send(self, message: Message, address: str, at: datetime) -> str:
        """Send one message; see :class:`alerts.channels.message.Transport`. The id is the Message-ID.

        Raises:
            errors.NotSent: with why.
        """
        sender = self._settings.sender
        mail = texts.mail(message, sender=sender, recipient=address, at=at)
        with _our_words(), self._signed_in() as server:
            server.send_message(mail, sender, [address])
        return texts.message_id(message, sender)

    @contextmanager
    def _signed_in(self) -> Iterator[smtplib.SMTP]:
        server = self._connected()
        try:
            if self._settings.security is Security.STARTTLS:
                server.starttls(context=self._trusted())
            if self._settings.user:
                self._sign_in(server)
            yield server
        finally:
            # It has said what became of the message; how it says goodbye changes nothing.
            with contextlib.suppress(smtplib.SMTPException, OSError):
                server.quit()
            server.close()

    def _connected(self) -> smtplib.SMTP:
        wanted = self._settings
        own_name = wanted.sender.rpartition("@")[
            2
        ]  # instead of asking for the name of this machine
        if wanted.security is Security.TLS:
            return smtplib.SMTP_SSL(
                wanted.host,
                wanted.port,
                own_name,
                timeout=wanted.timeout_s,
                context=self._trusted(),
            )
        return smtplib.SMTP(wanted.host, wanted.port, own_name, timeout=wanted.timeout_s)

    def _sign_in(self, server: smtplib.SMTP) -> None:
        try:
            server.login(self._settings.user, _password(self._settings))
        except smtplib.SMTPServerDisconnected:
            # What a server does that has heard the wrong password in one form after the other.
            raise errors.NotSent(Failure.SIGN_IN) from None

    def _trusted(self) -> ssl.SSLContext:
        ca_file = self._settings.ca_file
        return ssl.create_default_context(cafile=None if ca_file == NOT_SET else ca_file)


def _password(settings: EmailSettings) -> str:
    try:
        return secret_file.read(settings.password_file)
    except SettingsError:
        raise errors.NotSent(Failure.SETTINGS) from None


@contextmanager
def _our_words() -> Iterator[None]:
    """Say in our own words what went wrong: smtplib's errors repeat addresses and what the server wrote.

    Raises:
        errors.NotSent: with why.
    """
    try:
        yield
    except TimeoutError:
        raise errors.NotSent(Failure.TIMEOUT) from None
    except (ssl.SSLError, smtplib.SMTPNotSupportedError):
        raise errors.NotSent(Failure.TLS) from None
    except smtplib.SMTPAuthenticationError:
        raise errors.NotSent(Failure.SIGN_IN) from None
    except smtplib.SMTPRecipientsRefused as error:
        ((code, _),) = error.recipients.values()
        raise _refused(code) from None
    except smtplib.SMTPConnectError:
        raise errors.NotSent(Failure.BUSY) from None
    except smtplib.SMTPResponseException as error:
        raise _refused(error.smtp_code) from None
    except (smtplib.SMTPException, OSError):
        raise errors.NotSent(Failure.UNREACHABLE) from None


def _refused(code: int) -> errors.NotSent:
    if code >= _FOR_GOOD:
        return errors.NotSent(Failure.REFUSED, is_final=True)
    return errors.NotSent(Failure.BUSY)
