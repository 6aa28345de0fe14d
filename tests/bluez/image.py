"""The disk of the virtual machine: Debian with its kernel, D-Bus and bluetoothd, and nothing of ours.

Made once by root (``python -m tests.bluez.image FOLDER``; without a folder it says which), and kept outside the
repository under a name that changes with this file. What is tested never comes from the disk: the machine sees the
host's own files, read-only.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

RELEASE: Final = "bookworm"
_PACKAGES: Final = ("bluez", "dbus", "kmod", "linux-image-amd64")
_KEYRING: Final = "/usr/share/keyrings/debian-archive-keyring.gpg"
_SIZE: Final = "2G"  # sparse: what is not written takes no room
# Everything else is the host's: see guest.sh, which the run's own folder holds.
_INIT: Final = """#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
modprobe -a 9pnet_virtio 9p
mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=512000,cache=loose host /host
mount -t 9p -o ro,trans=virtio,version=9p2000.L run /mnt
exec sh /mnt/guest.sh
"""
# With a list, the initial file system is a tenth as large, and the machine starts sooner.
_EARLY_MODULES: Final = ("virtio_pci", "virtio_blk", "ext4")
_UNREAD: Final = ("usr/share/doc", "usr/share/man", "usr/share/locale", "var/cache/apt")


def folder() -> Path:
    """Return where the image of this recipe lies, or will lie."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    recipe = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
    return caches / "homevitals" / f"bluez-{recipe}"


def is_made() -> bool:
    """Whether the image is there; it appears whole or not at all."""
    return folder().is_dir()


def make(place: Path) -> None:
    """Make the image at a place of this name; needs root, debootstrap, mke2fs and Debian's archive."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix="making-") as making:
        root, result = Path(making) / "root", Path(making) / "result"
        result.mkdir(mode=0o755)
        _bootstrap(root)
        for name in ("vmlinuz", "initrd.img"):
            shutil.copyfile(root / name, result / name)
        for unread in _UNREAD:
            shutil.rmtree(root / unread, ignore_errors=True)
        _run("mke2fs", "-q", "-t", "ext4", "-d", root, result / "disk.img", _SIZE)
        for former in place.parent.glob("bluez-*"):
            shutil.rmtree(former)
        result.rename(place)


def _bootstrap(root: Path) -> None:
    mirror = _mirror()
    _run(
        "debootstrap",
        "--variant=minbase",
        "--force-check-gpg",
        f"--keyring={_KEYRING}",
        f"--include={','.join(_PACKAGES)}",
        RELEASE,
        root,
        *([mirror] if mirror else []),
    )
    (root / "host").mkdir()
    init = root / "sbin" / "homevitals-init"
    init.write_text(_INIT)
    init.chmod(0o755)
    early = root / "etc" / "initramfs-tools"
    (early / "conf.d" / "modules").write_text("MODULES=list\n")
    (early / "modules").write_text("\n".join(_EARLY_MODULES) + "\n")
    _run("chroot", root, "update-initramfs", "-u")


def _mirror() -> str | None:
    """Return where this machine's own apt finds the release, or None: then debootstrap knows."""
    if shutil.which("apt-get") is None:
        return None
    wanted = (f"Codename: {RELEASE}", "Component: main", "Identifier: Packages")
    found = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", *wanted],
        capture_output=True,
        text=True,
        check=False,
    )
    return next(iter(found.stdout.split()), None)


def _run(*command: str | Path) -> None:
    subprocess.run(
        command, check=True, env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
    )


if __name__ == "__main__":
    match sys.argv[1:]:
        case [place]:
            make(Path(place))
        case _:
            print(folder())
