#!/usr/bin/env bash
# On a machine that lacks packages and cannot install them, every command of ./dev says exactly which are missing and stops with status 1,
# before it builds anything. The machine is made here: a PATH with the system's small tools and without the rest.
#   missing_packages.sh ROOT WORK
set -euo pipefail
root=$1 work=$2
rm -rf "$work"
mkdir -p "$work/bin"
for tool in bash env dirname basename nproc sort head sed find cat dpkg; do
  path=$(command -v "$tool") && ln -s "$path" "$work/bin/$tool"
done

failures=0
# expect WHAT STATUS PATTERN COMMAND...: the command must end with STATUS and its output must match PATTERN.
expect() {
  local what=$1 wanted=$2 pattern=$3 said status=0
  shift 3
  said=$(env -i PATH="$work/bin" HOME="$work" "$@" 2>&1 </dev/null) || status=$?
  if ((status == wanted)) && [[ $said =~ $pattern ]]; then
    echo "right: $what"
  else
    printf 'WRONG: %s: status %s, said:\n%s\n' "$what" "$status" "$said"
    failures=1
  fi
}

# Neither compiler, nor apt-get. Boost and the like may be there: they are looked for under /usr.
for command in demo test python bench study 'kernel x.hpp --out x' gallery 'explain 01'; do
  # shellcheck disable=SC2086  # a command and its argument
  expect "./dev $command without apt-get" 1 '^dev: missing: g\+\+ cmake ninja-build.* \(.*no apt-get' "$root/dev" $command
done
# No compiler is asked for where nothing is compiled.
expect './dev docs without apt-get' 1 '^dev: missing: python3 python3-pip python3-venv \(.*no apt-get' "$root/dev" docs
expect './dev single without apt-get' 1 '^dev: missing: python3 \(.*no apt-get' "$root/dev" single x.hpp
expect './dev test names python3 too' 1 'missing: g\+\+ cmake ninja-build.* python3 ' "$root/dev" test
expect 'clang is asked for where it is used' 1 'clang-19' HEED_PRESET=clang "$root/dev" test

# apt-get is there, and neither root's rights nor sudo.
printf '#!/bin/sh\necho "apt-get was called: $*"\nexit 100\n' >"$work/bin/apt-get"
chmod +x "$work/bin/apt-get"
if ((EUID != 0)); then
  expect 'without the right to install' 1 'missing: g\+\+ .*no right to install; as root: apt-get update && apt-get install g\+\+ cmake ninja-build' "$root/dev" test
  printf '#!/bin/sh\nexit 1\n' >"$work/bin/sudo"
  chmod +x "$work/bin/sudo"
  expect 'sudo refuses' 1 'no right to install' "$root/dev" test
else
  # apt-get fails: what it was asked for stands in its call, and what is missing in the last line.
  expect 'apt-get fails' 1 'installing with apt: g\+\+ cmake ninja-build.*was called: .*install.*missing: g\+\+ cmake ninja-build.*could not install' "$root/dev" test
fi

# What needs nothing works.
expect './dev help' 0 'usage: ./dev COMMAND' "$root/dev" help
expect './dev without a command' 0 'usage: ./dev COMMAND' "$root/dev"
for command in demo train test python bench study kernel gallery explain docs single; do
  expect "./dev $command --help" 0 "^usage: \\./dev $command" "$root/dev" "$command" --help
done
expect './dev test -R x -h' 0 '^usage: \./dev test .*--all' "$root/dev" test -R x -h
expect 'an unknown command' 1 'unknown command: dance' "$root/dev" dance
expect 'explain without an example' 1 '01_embeddings_and_similarity' "$root/dev" explain
expect 'explain of none' 1 '08_call_it_from_your_program' "$root/dev" explain nothing
expect 'docs of an unknown way' 1 'docs: --server is unknown' "$root/dev" docs --server
expect 'single with two files' 1 'single takes one FILE' "$root/dev" single a.hpp b.hpp
[[ ! -e $work/build ]] || failures=1
exit "$failures"
