#!/usr/bin/env bash
# Every gate of .ci/run has minutes in .ci/budget, as has the whole, and no line of that file is of a gate that is not there.
#   gate_budgets.sh ROOT
#   gate_budgets.sh --self-test
set -euo pipefail

# check RUN BUDGET
check() {
  local fault=0 name
  while read -r name; do
    # shellcheck disable=SC2001  # several characters
    grep -qE "^[1-9][0-9]* $(sed 's/[][()+*.^$\\]/\\&/g' <<<"$name")\$" "$2" || { echo "no minutes for: $name"; fault=1; }
  done < <(sed -n "s/^gate '\([^']*\)' .*/\1/p" "$1"; echo all)
  while read -r _ name; do
    [[ $name == all ]] || grep -qF "gate '$name' " "$1" || { echo "no gate: $name"; fault=1; }
  done <"$2"
  return "$fault"
}

if [[ $1 == --self-test ]]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  printf "gate 'one (g++)' true\ngate 'two' true\n" >"$work/run"
  printf '1 one (g++)\n2 two\n3 all\n' >"$work/budget"
  check "$work/run" "$work/budget"
  for wrong in '' '1 one (g++)\n2 two\n' '0 one (g++)\n2 two\n3 all\n' '1 one (g++)\n2 two\n1 three\n3 all\n'; do
    # shellcheck disable=SC2059  # the faults are written as formats
    printf "$wrong" >"$work/budget"
    if check "$work/run" "$work/budget" >/dev/null; then echo "passed, but is wrong: $wrong"; exit 1; fi
  done
  exit
fi
check "$1/.ci/run" "$1/.ci/budget"
