# Sourced by deploy/up and deploy/test: a virtual environment with the locked, hashed requirements, and programs from apt.
# Everything made here lies under .homevitals/, which git ignores; delete that folder to start from nothing.

state=${HOMEVITALS_STATE:-$PWD/.homevitals}
mkdir -p "$state"

# patiently WORDS COMMAND...: runs a command that takes a while; on a terminal it says so and counts the seconds.
patiently() {
  words=$1; shift
  if ! [ -t 2 ]; then "$@" >"$state/setup.log" 2>&1; return; fi
  "$@" >"$state/setup.log" 2>&1 &
  work=$!; seconds=0
  while kill -0 "$work" 2>/dev/null; do
    printf '\r%s: %s s ' "$words" "$seconds" >&2
    sleep 1; seconds=$((seconds + 1))
  done
  printf '\r%s: done in %s s\n' "$words" "$seconds" >&2
  wait "$work"
}
fail() { printf '%s\n' "$*" >&2; exit "${cannot:-4}"; }

find_python() {
  for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11; do
    [ -n "$candidate" ] || continue
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      printf '%s' "$candidate"; return 0
    fi
  done
  fail "Python 3.11 or newer is missing: run “sudo apt-get install python3 python3-venv”"
}

# make_environment LOCK: installs deploy/locks/LOCK.txt unless exactly that is installed already.
make_environment() {
  lock=deploy/locks/$1.txt
  python=$(find_python) || exit $?
  wanted=$("$python" -c 'import hashlib, sys; print(sys.version_info[:2], hashlib.sha256(b"".join(open(f, "rb").read() for f in sys.argv[1:])).hexdigest())' "$lock" pyproject.toml)
  stamp=$state/venv/.installed-$1
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && return 0
  # What the tests need holds all that the demo needs, from the same versions: both locks are made together.
  [ "$1" = demo ] && [ -f "$state/venv/.installed-test" ] && [ "$state/venv/.installed-test" -nt "$lock" ] \
    && [ "$state/venv/.installed-test" -nt pyproject.toml ] && return 0
  if [ ! -x "$state/venv/bin/python" ]; then
    "$python" -m venv "$state/venv" \
      || fail "The virtual environment could not be made: run “sudo apt-get install python3-venv”"
  fi
  patiently "Setting up the Python packages of $lock (once)" install_locked "$lock" \
    || { tail -n 20 "$state/setup.log" >&2; fail "The packages of $lock could not be installed; the lines above say why."; }
  printf '%s' "$wanted" > "$stamp"
}

install_locked() {
  "$state/venv/bin/python" -m pip install --disable-pip-version-check --require-hashes -r "$1" \
    && "$state/venv/bin/python" -m pip install --disable-pip-version-check --no-deps --no-build-isolation --editable .
}

# need_program PROGRAM PACKAGE... and need_library NAME PACKAGE...: install the Debian packages when it is missing and
# root or sudo can; otherwise one line says what to install.
need_program() {
  PATH=$PATH:/usr/sbin command -v "$1" >/dev/null 2>&1 || need_packages "$@"
}
need_library() {
  PATH=$PATH:/usr/sbin:/sbin ldconfig -p 2>/dev/null | grep -q "$1" || need_packages "$@"
}
need_packages() {
  missing=$1; shift
  command -v apt-get >/dev/null 2>&1 || fail "$missing is missing: install it with this system's package manager"
  need_root "$missing is missing: run “sudo apt-get install $*”"
  patiently "Setting up $* from apt (once)" install_packages "$@" \
    || { tail -n 5 "$state/setup.log" >&2; fail "apt could not install $*; the lines above say why."; }
}

# need_root WORDS: sets as_root to what makes a command root's; where nothing does, the words say what to do by hand.
need_root() {
  if [ "$(id -u)" = 0 ]; then as_root=
  elif command -v sudo >/dev/null 2>&1 && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then as_root=sudo
  else fail "$1"; fi
  if [ -n "$as_root" ]; then sudo -v || fail "$1"; fi
}

install_packages() {
  $as_root apt-get update -qq \
    && $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}
