"""The virtual ward: cuffs and glucometers without hardware.

Each peripheral is a real GATT server on a real Bluetooth host stack (bumble), with bonding, memory and a clock of its
own; only the radio waves are missing. It replays readings that people took at home. The ward offers the gateway a
controller over TCP, which the gateway opens like a USB dongle. It serves the demonstration, the tests and the
benchmarks, and is a supported part of the gateway.
"""

from __future__ import annotations
