"""What BlueZ, the Bluetooth service of Linux, wants besides bleak: somebody who answers its pairing requests.

bleak scans, connects and reads through BlueZ but registers no pairing agent, and without one BlueZ refuses to bond.
"""

from __future__ import annotations
