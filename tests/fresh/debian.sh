#!/usr/bin/env bash
# Types what README.md says on a fresh Debian: a minimal one is made in WORK by debootstrap and thrown away afterwards. Needs
# root; apt and pip are set up as on this machine. Status 77 where it cannot be tried.
#   debian.sh ROOT WORK
set -euo pipefail
root=$1 work=$2
skip() { echo "skipped: $*"; exit 77; }
((EUID == 0)) || skip 'only root can make a fresh root'
command -v debootstrap >/dev/null || skip 'there is no debootstrap'
# shellcheck source=/dev/null
source /etc/os-release
[[ $ID == debian ]] || skip "this is $ID, not Debian"

clear() { if mountpoint -q "$work/proc"; then umount "$work/proc"; fi; rm -rf --one-file-system "$work"; }
trap clear EXIT
clear
mkdir -p "$work"
debootstrap --variant=minbase "$VERSION_CODENAME" "$work" >"$work.log" || { tail -n 20 "$work.log"; exit 1; }
rm -rf "$work/etc/apt"
cp -a /etc/apt "$work/etc/apt"
cp -L /etc/resolv.conf "$work/etc/resolv.conf"
[[ ! -d /usr/share/keyrings ]] || cp -a /usr/share/keyrings/. "$work/usr/share/keyrings"
for file in /etc/pip.conf /etc/xdg/pip; do
  [[ ! -e $file ]] || { mkdir -p "$work$(dirname "$file")" && cp -aL "$file" "$work$file"; }
done
mapfile -t pip < <(env | grep -E '^(PIP_[A-Z_]*|https?_proxy|HTTPS?_PROXY|no_proxy|NO_PROXY)=' || true)
certificates=${PIP_CERT:-/etc/ssl/certs/ca-certificates.crt}  # a place of its own: Debian's package makes that file anew
if [[ -e $certificates ]]; then
  cp -L "$certificates" "$work/root/certificates.pem"
  pip+=(PIP_CERT=/root/certificates.pem)
fi
mount -t proc proc "$work/proc" 2>/dev/null || echo "without /proc"

# heed as somebody who clones it has it.
mkdir "$work/heed"
git -c safe.directory="$root" -C "$root" ls-files -z | tar -C "$root" --null --ignore-failed-read -T - -c | tar -x -C "$work/heed"

# The lines of README.md that begin so, as they stand there.
lines() { grep -o "^    $1.*" "$root/README.md" | sed "s/^ *//; s/  *#.*//"; }
# The block in fences that begins with the first line of README.md that is $1, or behind it.
block() {
  awk -v line="$1" '$0 == line { armed = 1 } /^```/ { if (inside) exit; if (armed) { inside = 1; next } } inside' "$root/README.md"
}
inside() {
  printf '\n+ %s\n' "$*"
  chroot "$work" /usr/bin/env -i PATH=/where/you/like/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb \
    DEBIAN_FRONTEND=noninteractive "${pip[@]}" bash -ec "cd /heed; $*" </dev/null
}
# says PATTERN COMMAND: the last line of what a command prints.
says() {
  local pattern=$1 said
  shift
  said=$(inside "$@" | tee /dev/stderr)
  # shellcheck disable=SC2053
  [[ $(tail -n 1 <<<"$said") == $pattern ]] || { echo "expected: $pattern"; exit 1; }
}
apt=$(lines 'apt-get update') install=$(lines 'cmake --preset') demo=$(lines './dev demo')
c=$(lines 'heed-kernel attend.hpp') venv=$(lines 'python3 -m venv')
[[ $apt && $install && $demo && $c && $venv ]] || { echo 'README.md does not say how heed is installed and tried'; exit 1; }
inside "${apt/install/install -y --no-install-recommends}" >"$work.log" || { tail -n 20 "$work.log"; exit 1; }
inside "$install"
inside "cmake -G Ninja -S tests/install/consumer -B /tmp/you -DCMAKE_PREFIX_PATH=/where/you/like && cmake --build /tmp/you && /tmp/you/consumer"
inside 'apt-get install -q -y --no-install-recommends python3' >"$work.log" || { tail -n 20 "$work.log"; exit 1; }  # for heed-kernel
inside "cmake -DWAY=find_package -DHEED_SOURCE=/heed -DCONSUMER=/heed/tests/install/consumer -DWORK=/tmp/consumer -DGENERATOR=Ninja" \
  "-DCOMPILER=/usr/bin/g++ -DFLAGS= -P tests/install/consume.cmake"
# From C, with what was installed and with a clone, from a folder that holds what README.md shows.
mkdir "$work/tmp/empty"
block '<!-- test: attend -->' >"$work/tmp/empty/attend.hpp"
block '```c' >"$work/tmp/empty/main.c"
block '```python' >"$work/tmp/empty/main.py"
says 1 "cd /tmp/empty; $c"
says 1 "cd /tmp/empty; rm -r lib; /heed/dev ${c/heed-kernel/kernel}"
says '*needs numpy: *' 'heed-run /tmp/empty/lib/libattend.so --describe 2>&1 || true'
inside 'apt-get install -q -y --no-install-recommends python3-numpy python3-venv' >"$work.log" || { tail -n 20 "$work.log"; exit 1; }
says '*units in the last place*' 'heed-run /tmp/empty/lib/libattend.so --verify n=65,m=130'
# From Python.
inside "$venv"
says '(512, 64) attend(q: *' 'cd /tmp/empty; /heed/env/bin/python main.py'
inside './dev python package -k found_in_the_cache'

inside "$demo"
inside "./dev explain 01"
echo 'all of it works on a fresh Debian'
