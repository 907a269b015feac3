#!/usr/bin/env bash
# ./dev python, ./dev study and ./dev docs, called from another folder than the checkout, whose path holds a space: which files pytest gets, and what pip is asked for.
# Compilers, python3 and what it puts into an environment are small scripts here, so that nothing is downloaded.
#   python_environments.sh ROOT WORK
set -euo pipefail
root=$1 work=$2
rm -rf "$work"
checkout="$work/a checkout" elsewhere=$work/elsewhere calls=$work/calls
mkdir -p "$work/bin" "$checkout/python/tests" "$checkout/bench/study" "$checkout/docs/site" "$elsewhere"
cp "$root/dev" "$checkout/dev"
cp "$root"/bench/study/{requirements,peers}.txt "$checkout/bench/study"
cp "$root/docs/site/requirements.txt" "$checkout/docs/site"
touch "$checkout"/python/tests/test_torch{,_arrays}.py "$checkout/python/requirements.txt"
for tool in bash env dirname basename nproc sort head tail sed find cat cmp cp mkdir; do
  ln -s "$(command -v "$tool")" "$work/bin/$tool"
done
program() { cat >"$work/bin/$1" && chmod +x "$work/bin/$1"; }  # NAME, its text behind it
program g++ <<<$'#!/bin/sh\necho 12.2.0'
program cmake <<<$'#!/bin/sh\necho cmake version 3.25.1'
for tool in ninja ld objcopy; do program "$tool" <<<$'#!/bin/sh'; done

# python3 -m venv [--clear] FOLDER; everything else that it is asked works. It says its version.
program python3 <<'SCRIPT'
#!/usr/bin/env bash
[[ $* == *python_version* ]] && echo "${PYTHON_VERSION:-3.11.2}"
if [[ "${*:1:2}" == '-m venv' && ${!#} != --help ]]; then mkdir -p "${!#}/bin" && cp "$HOME/bin/environment" "${!#}/bin/python"; fi
SCRIPT
# An environment's python: what it was asked for goes to `calls`. Its pip finds PyTorch where HAS_TORCH says: looking (where it looks
# anyway), host (download.pytorch.org), nowhere. Its pytest refuses files that are not there, as pytest does.
program environment <<'SCRIPT'
#!/usr/bin/env bash
echo "$*" >>"$HOME/calls"
case $1 in
  -c) [[ -e $HOME/torch ]] ;;
  -m)
    if [[ $2 == pip && "$*" == *torch==* && ! -e $HOME/torch ]]; then
      case $HAS_TORCH in
        looking) [[ "$*" != *download.pytorch.org* ]] ;;
        host) [[ "$*" == *download.pytorch.org* ]] ;;
        *) false ;;
      esac || { echo 'ERROR: no torch here' >&2; exit 1; }
      : >"$HOME/torch"
    elif [[ $2 == pytest ]]; then
      for file in "${@:3}"; do [[ $file == -* || -e $file ]] || { echo "ERROR: file or directory not found: $file"; exit 4; }; done
    fi
    ;;
esac
SCRIPT

failures=0
# expect WHAT STATUS PATTERN HAS_TORCH ARGUMENTS...: ./dev $command ARGUMENTS from elsewhere, in a machine without environments, ends with
# STATUS, and what it says, with what was asked of the environments' pythons, matches PATTERN.
command=python
expect() {
  local what=$1 wanted=$2 pattern=$3 has=$4 said status=0
  shift 4
  rm -rf "$checkout/build" "$calls" "$work/torch"
  said=$(cd "$elsewhere" && env -i PATH="$work/bin" HOME="$work" HAS_TORCH="$has" PYTHON_VERSION="${version:-}" "$checkout/dev" "$command" "$@" 2>&1 </dev/null) || status=$?
  if [[ -e $calls ]]; then said+=$'\n'$(<"$calls"); fi
  if ((status == wanted)) && [[ $said =~ $pattern ]]; then
    echo "right: $what"
  else
    printf 'WRONG: %s: status %s, said:\n%s\n' "$what" "$status" "$said"
    failures=1
  fi
}
lacks() {  # WHAT TEXT: nobody was asked for it
  if grep -qF -- "$2" "$calls"; then echo "WRONG: $1" && failures=1; else echo "right: $1"; fi
}

expect 'both files of tests are found from elsewhere' 0 '-m pytest /[^'$'\n'']*/test_torch\.py [^'$'\n'']*/test_torch_arrays\.py -x' looking torch -x
lacks "PyTorch's own host is left alone where pip has it" download.pytorch.org
expect 'PyTorch from its own host, and nothing else from there' 0 '--no-deps --index-url https://download\.pytorch\.org/whl/cpu torch==[0-9.]*\+cpu'$'\n' host torch
lacks 'no index beside the one of the machine' extra-index-url
expect 'PyTorch is nowhere' 1 'missing: torch==[0-9.]*\+cpu ' nowhere torch
expect "the package's tests, from elsewhere" 0 '-m pytest' nowhere package

command=study
expect 'the study asks for every system by itself' 0 'pip install [^'$'\n'']* onnxruntime==[0-9.]* onnx==[0-9.]*'$'\n'".*-m study report $elsewhere" looking report "$elsewhere"
lacks "PyTorch's own host is left alone where pip has it" download.pytorch.org
expect "the study's PyTorch from its own host" 0 '--no-deps --index-url https://download\.pytorch\.org/whl/cpu torch==[0-9.]*\+cpu'$'\n' host report x
expect 'a system that is nowhere is an empty column, and others come' 0 'torch==[0-9.]*\+cpu could not be installed: an empty column \(ERROR: no torch here\).*-m study report x' nowhere report x
version=3.10.4 expect 'the study wants a newer Python' 1 'missing: python3 3\.11 or newer \(found 3\.10\.4\)' looking report x
expect 'what is no study is refused, and nothing is asked for' 1 "there is no study 'nothing': paper and quick are presets" nowhere nothing

command=docs
expect 'the site, with what it needs in an environment of its own' 0 '-m pip install [^'$'\n'']*/docs/site/requirements\.txt'$'\n'"-m mkdocs build --strict [^"$'\n'']*/docs/site/mkdocs\.yml' nowhere
expect 'the site, shown' 0 '-m mkdocs serve [^'$'\n'']*/docs/site/mkdocs\.yml --dev-addr 127\.0\.0\.1:8123' nowhere --serve 127.0.0.1:8123
version=3.9.2 expect 'the site wants a newer Python' 1 'missing: python3 3\.10 or newer \(found 3\.9\.2\)' nowhere
exit "$failures"
