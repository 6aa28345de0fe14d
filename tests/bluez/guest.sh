# Runs as the first process of the virtual machine: starts Bluetooth, runs the tests on the host's own Python, ends.
set -u
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
. /mnt/settings.sh  # project, python, port

# The key exchange of LE Secure Connections asks for the first three and does not load them.
modprobe -a drbg sha512 ctr ecdh_generic cmac ccm ecb algif_hash algif_skcipher uhid bluetooth hci_vhci

mkdir -p /run/dbus /run/bin /run/tests
dbus-uuidgen --ensure
dbus-daemon --system --nofork --nopidfile &
until [ -S /run/dbus/system_bus_socket ]; do sleep 0.1; done
# What a service manager does: when bluetoothd has ended, it is started again.
while :; do
  /usr/libexec/bluetooth/bluetoothd --nodetach
  echo "bluetoothd ended: $?"
  sleep 1
done >/dev/console 2>&1 &

# bleak asks this program for BlueZ's version. From inside the host's files, the way to the machine's own leads here.
printf '#!/bin/sh\nexec chroot /proc/1/root /usr/bin/bluetoothctl "$@"\n' >/run/bin/bluetoothctl
chmod 755 /run/bin/bluetoothctl

for folder in proc sys dev run; do mount --rbind "/$folder" "/host/$folder"; done
stty -F "$port" raw
cat >/run/tests/run.sh <<END
cd "$project"
export HOME=/run/tests TMPDIR=/run/tests PATH="/run/bin:\$PATH" PYTHONDONTWRITEBYTECODE=1
export PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 HOMEVITALS_BLUEZ_GUEST="$port"
exec "$python" -m pytest -p pytest_timeout -p no:cacheprovider --log-level=INFO --confcutdir=tests/bluez -m bluez "\$@"
END
# One test a line.
tests=$(cat /mnt/tests)
IFS='
'
chroot /host /bin/sh /run/tests/run.sh $tests </dev/null >/dev/console 2>&1
dmesg --level=err,warn | tail -n 40
echo o >/proc/sysrq-trigger
while :; do sleep 1; done
