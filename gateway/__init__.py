"""The edge: reads cuffs and glucometers over Bluetooth and hands their records to the server.

A record is written to the encrypted outbox before anything else happens to it, and stays there until the server's
receipt says that it is safe. Runs on a Raspberry Pi, so it imports little; it works with bleak's own Bluetooth
backend and, through bleak's ``backend=`` argument, with a host stack in user space. The virtual ward in
``gateway.ward`` plays the peripherals where there is no radio.
"""

from __future__ import annotations
