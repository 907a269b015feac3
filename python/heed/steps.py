"""The steps of making a library, each a tool that is called in a temporary folder: a part for each instruction set, the
dispatcher, one object of them all, the two kinds of libraries."""

import dataclasses
import pathlib
import re

from . import dispatcher
from .build_error import BuildError, compiler_error
from .object_file import ObjectFile
from .part_metadata import kernels_in
from .toolchain import Toolchain, run


@dataclasses.dataclass
class Part:
    """The kernels, compiled for one instruction set."""

    object: pathlib.Path
    kernels: dict  # name -> what the part says of it
    depends: list  # the files that the compiler read
    has_constructors: bool


def read_dependencies(path):
    """The files of a rule that a compiler has written for make."""
    text = path.read_text().split(":", 1)[1].replace("\\\n", " ")
    return [re.sub(r"\\(.)", r"\1", word).replace("$$", "$") for word in re.findall(r"(?:\\.|\S)+", text)]


@dataclasses.dataclass
class Steps:
    """`include` are options that say where headers are, `header` is how the user's is called in sentences."""

    tools: Toolchain
    folder: pathlib.Path
    name: str
    header: str
    include: list
    flags: list

    def step(self, command, complaint):
        """Runs a tool; BuildError with its text if it fails."""
        result = run(command, cwd=self.folder)
        if result.returncode:
            raise BuildError(complaint, result.stderr + result.stdout)

    def keep(self, target, symbols, objects):
        """Links objects into one whose symbols are local but for these (patterns). What objects of several sources have
        in common (COMDAT groups) is settled here, before it could meet that of another instruction set."""
        self.step([self.tools.linker, "-r", "--force-group-allocation", *objects, "-o", target], "heed: ld -r failed")
        self.step(
            [self.tools.objcopy, "-w", *(f"--keep-global-symbol={s}" for s in symbols), target], "heed: objcopy failed"
        )

    def compile_part(self, source, instruction_set):
        part = dispatcher.part_identifier(instruction_set)
        compiled, target, rule = (self.folder / f"{part}{end}" for end in (".all.o", ".o", ".d"))
        command = [
            self.tools.compiler,
            "-O3",
            f"-march={instruction_set}",
            *self.tools.language_flags(),
            f"-DHEED_KERNEL_PART={part}",
            *self.flags,
            *self.include,
            "-MMD",
            "-MF",
            rule,
            "-c",
            source,
            "-o",
            compiled,
        ]
        result = run(command, cwd=self.folder)
        if result.returncode:
            raise compiler_error(self.header, result.stderr)
        self.keep(target, ["heed_part_*"], [compiled])
        return Part(
            target, kernels_in(compiled, part), read_dependencies(rule), ObjectFile(compiled).has_constructors()
        )

    def compile_dispatcher(self, kernels, features, include):
        source, target = self.folder / "dispatcher.c", self.folder / "dispatcher.o"
        source.write_text(dispatcher.source(kernels, features, f"{self.name}.h"))
        self.step(
            [
                self.tools.compiler,
                "-x",
                "c",
                "-std=gnu11",
                "-O2",
                "-fPIC",
                f"-I{include}",
                f"-I{self.folder}",
                "-c",
                source,
                "-o",
                target,
            ],
            "heed: the dispatcher does not compile",
        )
        return target

    def link_shared(self, whole, symbols, openmp_library):
        """The shared library, which exports the C names alone. -ffast-math never stands here: it would change the
        rounding of the whole process that loads the library."""
        target, script = self.folder / f"lib{self.name}.so", self.folder / "exports.map"
        script.write_text(f"{{ global: {'; '.join(symbols)}; local: *; }};\n")
        openmp = [openmp_library, "-lpthread"] if openmp_library else ["-fopenmp"]
        self.step(
            [
                self.tools.compiler,
                "-shared",
                whole,
                "-o",
                target,
                f"-Wl,-soname,lib{self.name}.so",
                "-Wl,-Bsymbolic",
                f"-Wl,--version-script={script}",
                "-Wl,--no-undefined",
                *openmp,
            ],
            f"heed: lib{self.name}.so does not link",
        )
        return target

    def link_static(self, whole):
        target = self.folder / f"lib{self.name}.a"
        self.step([self.tools.archiver, "rcsD", target, whole], f"heed: lib{self.name}.a cannot be made")
        return target
