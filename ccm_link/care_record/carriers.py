"""Which way leads to a receiver: the operator's files say where an EHR is, the row itself where a webhook goes."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from alerts.channels.webhook.settings import WebhookSettings
from ccm_link.care_record.fhir_record import FhirRecord
from ccm_link.care_record.outbox import Receiver, ReceiverKind
from ccm_link.care_record.port import Failure, NotTaken
from ccm_link.care_record.sending import Carrier
from ccm_link.care_record.settings import Connection
from ccm_link.care_record.to_ehr import EhrCarrier
from ccm_link.care_record.to_webhook import WebhookCarrier


@dataclass(frozen=True, slots=True)
class Carriers:
    """All ways of one process; connections to EHRs are kept.

    Attributes:
        connections: The EHRs that the operator has set up.
        webhook: Which hosts are allowed, and the keys that sign.
        console_url: Where the console is, as people reach it.
    """

    connections: Mapping[str, Connection]
    webhook: WebhookSettings
    console_url: str
    _ehrs: dict[str, EhrCarrier] = field(default_factory=dict)
    _making: threading.Lock = field(default_factory=threading.Lock)

    def of(self, receiver: Receiver) -> Carrier:
        """Return the way to a receiver.

        Raises:
            NotTaken: The operator has no such EHR any more, or its files cannot be read.
        """
        if receiver.kind is ReceiverKind.WEBHOOK:
            return WebhookCarrier(receiver, self.webhook, self.console_url)
        return self.ehr(receiver.name)

    def ehr(self, name: str) -> EhrCarrier:
        """Return the way to an EHR.

        Raises:
            NotTaken: The operator has none of this name, or its files cannot be read.
        """
        connection = self.connections.get(name)
        if connection is None:
            raise NotTaken(Failure.SETTINGS)
        with self._making:
            if name not in self._ehrs:
                self._ehrs[name] = EhrCarrier(
                    FhirRecord(connection),
                    connection.identifier_system,
                    connection.knows_record_numbers,
                    pace_s=1 / connection.per_second,
                    practices=connection.practices,
                )
            return self._ehrs[name]

    def close(self) -> None:
        """Let all connections go."""
        for one in self._ehrs.values():
            if isinstance(one.record, FhirRecord):
                one.record.close()
