"""The virtual machine, seen from the host: started with a list of tests, it says what became of each."""

from __future__ import annotations

import contextlib
import json
import queue
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tests.bluez import image

ROOT: Final = Path(__file__).parents[2]
# The whole run, starting included. Plain emulation is some twenty times as slow as the host.
LONGEST_RUN_S: Final = 900.0
_PORT: Final = "/dev/ttyS1"
_END: Final = b""
# After its last test the machine says what the kernel complained of, and switches itself off.
_LAST_WORDS_S: Final = 10.0


class MachineEnded(Exception):
    """The machine ended, or was ended because it took too long, before a test was over."""


class Machine:
    """One run of the machine.

    Args:
        tests: Names of tests as pytest gives them.
    """

    def __init__(self, tests: Sequence[str]) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="hv-bluez-"))
        self._deadline_s = time.monotonic() + LONGEST_RUN_S
        self._lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        shared = self._folder / "shared"
        shared.mkdir()
        shutil.copy(Path(__file__).with_name("guest.sh"), shared)
        (shared / "tests").write_text("".join(f"{name}\n" for name in tests))
        settings = {"project": str(ROOT), "python": sys.executable, "port": _PORT}
        (shared / "settings.sh").write_text(
            "".join(f"{name}={shlex.quote(text)}\n" for name, text in settings.items())
        )
        self._process = subprocess.Popen(
            self._command(shared), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
        )
        threading.Thread(target=self._read, daemon=True).start()

    def next_message(self) -> dict[str, Any]:
        """Return what the tests say next, waiting for it.

        Raises:
            MachineEnded: nothing more will come.
        """
        try:
            line = self._lines.get(timeout=max(0.0, self._deadline_s - time.monotonic()))
        except queue.Empty:
            self._process.kill()
            line = _END
        if line == _END:
            self._lines.put(_END)  # for whoever asks next
            raise MachineEnded(
                f"the virtual machine ended; its last words were:\n{self._last_words()}"
            )
        message: dict[str, Any] = json.loads(line)
        return message

    def end(self, *, keep_console: bool) -> Path | None:
        """End the machine if it still runs; return where its console's log is, if that is kept."""
        if keep_console:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_LAST_WORDS_S)
        self._process.kill()
        self._process.wait()
        if keep_console:
            return self._console
        shutil.rmtree(self._folder)
        return None

    @property
    def _console(self) -> Path:
        return self._folder / "console.log"

    def _last_words(self) -> str:
        return self._console.read_text(errors="replace")[-4000:]

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(b"{"):
                self._lines.put(line)
        self._lines.put(_END)

    def _command(self, shared: Path) -> list[str]:
        made = image.folder()
        share = "local,security_model=none,readonly=on,multidevs=remap"
        kernel_words = (
            "root=/dev/vda rw init=/sbin/homevitals-init console=ttyS0 quiet panic=-1"
            " mitigations=off random.trust_cpu=on"
        )
        return [
            *("qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max,la57=off"),
            *("-smp", "2", "-m", "1024", "-no-reboot", "-nodefaults", "-display", "none"),
            *("-kernel", str(made / "vmlinuz"), "-initrd", str(made / "initrd.img")),
            *("-append", kernel_words),
            # Nothing is ever written to the image.
            *("-drive", f"file={made / 'disk.img'},format=raw,if=virtio,snapshot=on"),
            *("-virtfs", f"{share},path=/,mount_tag=host"),
            *("-virtfs", f"{share},path={shared},mount_tag=run"),
            *("-serial", f"file:{self._console}", "-serial", "stdio"),
        ]
