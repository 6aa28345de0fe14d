"""What Homevitals knows about peripherals, and how gateway and server talk about them.

The leaf of the import law: GATT decoders and encoders, the reading model with its units and codes,
device profiles, the wire format between gateway and server, and the declaration of settings and
logs that every process shares. Standard library only, no I/O: everything here is a pure function or
an immutable value.
"""

from __future__ import annotations
