"""heed-kernel: a header that declares attention graphs becomes a C library.

    heed-kernel variants.hpp --out lib
    heed-kernel variants.hpp --out lib --isa x86-64,x86-64-v3,x86-64-v4
    heed-kernel variants.hpp --out lib --kernel attend=mine::out --wrt q,k,v

DIR gets libNAME.so, libNAME.a, NAME.h and NAME.pc. Which graphs are exported the header says, HEED_KERNEL(NAME,
RESULT) or HEED_KERNEL(NAME, RESULT, wrt(INPUT, ...)) with gradients, or --kernel does."""

import argparse
import pathlib
import signal
import sys

from .build import BuildError, Kernel, build


class AppendWrt(argparse.Action):
    """--wrt belongs to the --kernel before it."""

    def __call__(self, parser, namespace, values, option_string=None):
        if not namespace.kernel:
            parser.error("--wrt stands behind the --kernel that it belongs to")
        last = namespace.kernel[-1]
        namespace.kernel[-1] = Kernel(last.name, last.expression, tuple(values.split(",")))


def kernel(text):
    name, equals, expression = text.partition("=")
    if not equals or not name.isidentifier() or not expression.strip():
        raise argparse.ArgumentTypeError(f"'{text}' is not NAME=RESULT")
    return Kernel(name, expression)


def jobs(text):
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is no number of compilers")
    return int(text)


class Parser(argparse.ArgumentParser):
    def error(self, message):
        print(f"heed-kernel: {message} (heed-kernel --help says more)", file=sys.stderr)
        sys.exit(1)


def parse(arguments):
    parser = Parser(prog="heed-kernel", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("header", type=pathlib.Path, help="the header with the declarations")
    parser.add_argument("--out", type=pathlib.Path, required=True, metavar="DIR", help="where the library goes")
    parser.add_argument("--name", help="of the library (without it: the header's)")
    parser.add_argument(
        "--isa",
        default="native",
        metavar="LIST",
        help="instruction sets inside: x86-64, x86-64-v2, x86-64-v3, "
        "x86-64-v4, or native, this machine's (the default)",
    )
    parser.add_argument("--compiler", default="g++", help="g++ or clang++ (g++)")
    parser.add_argument(
        "--kernel",
        type=kernel,
        action="append",
        default=[],
        metavar="NAME=RESULT",
        help="a kernel that the header does not export",
    )
    parser.add_argument(
        "--wrt", action=AppendWrt, metavar="INPUTS", help="with gradients by these inputs; behind its --kernel"
    )
    parser.add_argument(
        "--include",
        action="append",
        default=[],
        type=pathlib.Path,
        metavar="DIR",
        help="a directory for the compiler's -I",
    )
    parser.add_argument("--flag", action="append", default=[], metavar="OPTION", help="for the compiler, as --flag=-O1")
    parser.add_argument(
        "--define", action="append", default=[], metavar="NAME=VALUE", help="a macro that the header sees"
    )
    parser.add_argument("--depfile", type=pathlib.Path, metavar="FILE", help="write a make rule of all that was read")
    parser.add_argument(
        "--only-given", action="store_true", help="make the kernels of --kernel alone, not what the header exports"
    )
    parser.add_argument(
        "--keep-parts", action="store_true", help="leave the object of each instruction set beside the library"
    )
    parser.add_argument(
        "--jobs", type=jobs, default=1, metavar="N", help="compilers at a time, one an instruction set (1)"
    )
    parser.add_argument("--quiet", action="store_true", help="say nothing of the progress")
    parser.add_argument(
        "--whole-text", action="store_true", help="of a compilation that failed, print all that the compiler said"
    )
    return parser.parse_args(arguments)


def depfile_text(targets, depends):
    def escaped(path):
        return str(path).replace("\\", "\\\\").replace(" ", "\\ ").replace("#", "\\#").replace("$", "$$")

    return f"{' '.join(map(escaped, targets))}: {' '.join(map(escaped, depends))}\n"


def main(arguments=None):
    options = parse(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):  # what was begun is ended and cleared away
        signal.signal(number, lambda number, frame: sys.exit(128 + number))

    def progress(line):
        if not options.quiet:
            print(f"heed-kernel: {line}", file=sys.stderr, flush=True)

    try:
        built = build(
            header=options.header,
            out=options.out,
            name=options.name,
            kernels=options.kernel,
            only_given=options.only_given,
            instruction_sets=options.isa.split(","),
            compiler=options.compiler,
            keep_parts=options.keep_parts,
            jobs=options.jobs,
            include=[path.absolute() for path in options.include],
            flags=options.flag,
            defines=dict(define.partition("=")[::2] for define in options.define),
            progress=progress,
        )
    except BuildError as error:
        print(error, file=sys.stderr)
        if options.whole_text and error.text:
            print(error.text, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    made = [built.library, built.static, built.header, built.pkg_config]
    if options.depfile:
        own = sorted(map(str, pathlib.Path(__file__).resolve().parent.glob("*.py")))
        options.depfile.write_text(depfile_text(made, built.depends + built.heed_depends + own))
    progress(f"made {', '.join(path.name for path in made)} in {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
