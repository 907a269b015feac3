"""The part of a library that is compiled for the plainest processor: it chooses an instruction set at the first call,
and says what there is. C, of which nothing allocates memory and nothing runs when the library is loaded."""

from .c_text import DTYPES, MEMBERS, ROLES, compact, quoted, result_type, symbol
from .part_metadata import MEMBER_OFFSETS

HEAD = """\
// Written by heed-kernel. Chooses at the first call which instruction set's functions run.
#include <heed/export/part.h>
#include "%(header)s"
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

"""

CHOICE = """\
static int runs_here(int set) {
  __builtin_cpu_init();
  switch (set) {
%(cases)s
  }
}

enum { NOT_YET = -2, NONE = -1, SETS = %(count)d };

// What HEED_ISA names, or else the best that this processor runs; NONE if that is nothing.
static int choose(void) {
  const char* asked = getenv("HEED_ISA");
  for (int set = SETS - 1; set >= 0; --set)
    if ((!asked || !*asked || strcmp(asked, sets[set]) == 0) && runs_here(set)) return set;
  return NONE;
}

// The first thread that has chosen has chosen for all.
static int chosen(void) {
  static _Atomic int known = NOT_YET;
  int set = atomic_load_explicit(&known, memory_order_acquire);
  if (set == NOT_YET) {
    int mine = choose();
    set = atomic_compare_exchange_strong(&known, &set, mine) ? mine : set;
  }
  return set;
}

static int32_t refuse(heed_error* error) {
  const char* asked = getenv("HEED_ISA");
  size_t used = 0;
  if (!error) return HEED_UNKNOWN_INSTRUCTION_SET;
  memset(error, 0, sizeof *error);
  error->code = HEED_UNKNOWN_INSTRUCTION_SET;
  for (int set = 0; set < SETS; ++set)
    if (runs_here(set)) {
      const char* before = used ? ", " : "";
      used += (size_t)snprintf(error->expected + used, sizeof error->expected - used, "%%s%%s", before, sets[set]);
    }
  if (!used) strcpy(error->expected, "none");
  if (asked && *asked) {
    snprintf(error->got, sizeof error->got, "%%s", asked);
    snprintf(error->message, sizeof error->message,
             "heed: HEED_ISA is '%%.200s'; in this library are %(all)s, of which this processor runs %%s", asked,
             error->expected);
  } else {
    snprintf(error->message, sizeof error->message,
             "heed: in this library are %(all)s, of which this processor runs %%s", error->expected);
  }
  return HEED_UNKNOWN_INSTRUCTION_SET;
}
"""


def part_identifier(instruction_set):
    """x86-64-v3 as the end of a symbol."""
    return instruction_set.replace("-", "_")


def dtype_text(dtype):
    code, bits = DTYPES[dtype]
    return f"{{{code}, {bits}, 1}}"


def tables(kernel, instruction_sets):
    """The heed_metadata of a kernel for each instruction set that may be in use, and for none."""
    name, metadata = kernel.name, kernel.metadata
    numbers = {axis["name"]: i for i, axis in enumerate(metadata["axes"])}
    axes = ", ".join(f"{{{quoted(axis['name'])}, {axis['extent']}}}" for axis in metadata["axes"])
    text = f"static const heed_axis {name}_axes[] = {{{axes or '{0, 0}'}}};\n"
    functions = []
    for f, function in enumerate(metadata["functions"]):
        operands = []
        for o, operand in enumerate(function["operands"]):
            over = f"{name}_axes_{f}_{o}" if operand["axes"] else "0"
            if operand["axes"]:
                listed = ", ".join(str(numbers[axis]) for axis in operand["axes"])
                text += f"static const int32_t {over}[] = {{{listed}}};\n"
            index_of = -1 if operand["index_of"] is None else numbers[operand["index_of"]]
            operands.append(
                f"  {{{quoted(operand['name'])}, {ROLES[operand['role']]}, {dtype_text(operand['dtype'])}, "
                f"{len(operand['axes'])}, {over}, {int(operand['is_read'])}, {index_of}}},\n"
            )
        text += f"static const heed_operand {name}_operands_{f}[] = {{\n{''.join(operands)}}};\n"
        functions.append(f"  {{{quoted(function['name'])}, {len(operands)}, {name}_operands_{f}}},\n")
    text += f"static const heed_function {name}_functions[] = {{\n{''.join(functions)}}};\n"
    entries = []
    for used in [None, *instruction_sets]:
        whole = metadata | {"instruction_sets": instruction_sets, "instruction_set": used}
        entries.append(
            f"  {{{metadata['interface_version']}, {quoted(metadata['heed_version'])}, {quoted(name)}, "
            f"{len(metadata['axes'])}, {name}_axes, {len(functions)}, {name}_functions, sets, "
            f"{quoted(used) if used else '0'},\n   {quoted(compact(whole))}}},\n"
        )
    return text + f"static const heed_metadata {name}_all_metadata[] = {{\n{''.join(entries)}}};\n"


def functions_of(kernel, instruction_sets):
    """The exported functions of a kernel."""
    name = kernel.name
    parts = [f"heed_part_{name}__{part_identifier(s)}" for s in instruction_sets]
    text = "".join(f"extern const heed_kernel_part {part};\n" for part in parts)
    text += f"static const heed_kernel_part* const {name}_parts[] = {{{', '.join('&' + part for part in parts)}}};\n"
    for member in kernel.members:
        names = ", ".join(parameter.split()[-1] for parameter in MEMBERS[member].split(","))
        refusal = "0" if member == "peak" else "refuse(error)"
        text += (
            f"{result_type(member)} {symbol(name, member)}({MEMBERS[member]}) {{\n  int set = chosen();\n"
            f"  return set < 0 ? {refusal} : {name}_parts[set]->{member}({names});\n}}\n"
        )
    return text + f"const heed_metadata* {name}_metadata(void) {{ return &{name}_all_metadata[chosen() + 1]; }}\n"


def source(kernels, features, header):
    """C source for kernels, what each instruction set needs (the least first), and the name of the library's header."""
    instruction_sets = list(features)
    cases = []
    for i, needed in enumerate(features.values()):
        tests = " && ".join(f'__builtin_cpu_supports("{feature}")' for feature in needed) or "1"
        cases.append(f"    case {i}: return {tests};" if i + 1 < len(features) else f"    default: return {tests};")
    names = ", ".join(quoted(s) for s in instruction_sets)
    choice = CHOICE % {"cases": "\n".join(cases), "count": len(instruction_sets), "all": ", ".join(instruction_sets)}
    if not any(features.values()):
        choice = choice.replace("  __builtin_cpu_init();\n", "")  # which other machines than x86 do not have
    text = HEAD % {"header": header} + f"static const char* const sets[] = {{{names}, 0}};\n\n" + choice
    # The generator has read the parts as structs of this layout.
    for member, offset in MEMBER_OFFSETS.items():
        text += f'_Static_assert(offsetof(heed_kernel_part, {member}) == {offset}, "{member}");\n'
    for kernel in kernels:
        text += "\n" + tables(kernel, instruction_sets) + functions_of(kernel, instruction_sets)
    return text
