#!/usr/bin/env bash
# Types what README.md says on a fresh Debian: a minimal one is made in WORK by debootstrap and thrown away afterwards. Needs
# root; apt is set up as on this machine. Status 77 where it cannot be tried.
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
mount -t proc proc "$work/proc" 2>/dev/null || echo "without /proc"

# heed as somebody who clones it has it.
mkdir "$work/heed"
git -c safe.directory="$root" -C "$root" ls-files -z | tar -C "$root" --null --ignore-failed-read -T - -c | tar -x -C "$work/heed"

# The lines of README.md that begin so, as they stand there.
lines() { grep -o "^    $1.*" "$root/README.md" | sed "s/^ *//; s/  *#.*//"; }
inside() {
  printf '\n+ %s\n' "$*"
  chroot "$work" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb DEBIAN_FRONTEND=noninteractive \
    bash -ec "cd /heed; $*" </dev/null
}
apt=$(lines 'apt-get update') install=$(lines 'cmake --preset') demo=$(lines './dev demo')
[[ $apt && $install && $demo ]] || { echo 'README.md does not say how heed is installed and tried'; exit 1; }
inside "${apt/install/install -y --no-install-recommends}" >"$work.log" || { tail -n 20 "$work.log"; exit 1; }
inside "$install"
inside "cmake -G Ninja -S tests/install/consumer -B /tmp/you -DCMAKE_PREFIX_PATH=/where/you/like && cmake --build /tmp/you && /tmp/you/consumer"
inside 'apt-get install -q -y --no-install-recommends python3' >"$work.log" || { tail -n 20 "$work.log"; exit 1; }  # for heed-kernel
inside "cmake -DWAY=find_package -DHEED_SOURCE=/heed -DCONSUMER=/heed/tests/install/consumer -DWORK=/tmp/consumer -DGENERATOR=Ninja" \
  "-DCOMPILER=/usr/bin/g++ -DFLAGS= -P tests/install/consume.cmake"
inside "$demo"
inside "./dev explain 01"
echo 'all of it works on a fresh Debian'
