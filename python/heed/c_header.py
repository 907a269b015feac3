"""NAME.h: the interface in C99, and each function of each kernel with its operands in order."""

from .c_text import MEMBERS, result_type, symbol

SAYS = {
    "call": "Computes the results. workspace: NULL, or memory of as many bytes as {name}_workspace_bytes gives.",
    "workspace_bytes": "How much memory {name} wants; of the operands, their data are not looked at.",
    "forward": "As {name}, and keeps in `saved` (as many bytes as {name}_saved_bytes gives) what backward reads.",
    "backward": "The gradients, from what {name}_forward has kept of the same inputs.",
    "saved_bytes": "How much memory {name}_forward fills for {name}_backward; operands as of {name}_forward.",
    "forward_workspace_bytes": "How much memory {name}_forward wants.",
    "backward_workspace_bytes": "How much memory {name}_backward wants.",
    "reference": "The results as float64, evaluated plainly in double: slow, to compare with.",
    "backward_reference": "The gradients as float64, evaluated plainly in double: slow, to compare with.",
    "operations": "Floating-point operations of one call that matter: two a multiply-add of products; NaN: unknown.",
    "backward_operations": "The same of one call of {name}_backward.",
    "peak": "GFLOP/s of multiply-adds alone on so many threads, of elements of 32 or 64 bits.",
}
HOW = """\
// Every function that returns int32_t returns a heed_code, and fills `error` unless that is NULL. Operands lie in one
// array in the order that is given below; results and gradients are written, all others are read. A call uses OpenMP's
// threads and gives the same bits for every number of them. Several threads may call at once. HEED_ISA in the
// environment, read at the first call, forces one of the instruction sets that are inside: {sets}.
"""
ROLE = {
    "input": "",
    "extent": "the extent of the axis",
    "cotangent": "cotangent",
    "result": "result, written",
    "gradient": "gradient, written",
}


def operand_line(number, operand, widths):
    """One operand of a comment: its number, name, elements, axes, and what is special about it."""
    remarks = [ROLE[operand["role"]]] if ROLE[operand["role"]] else []
    if not operand["is_read"] and operand["role"] in ("input", "extent"):
        remarks.append("its data are not read")
    if operand["index_of"] is not None:
        remarks.append(f"numbers from 0, below the extent of {operand['index_of']}")
    axes = f"({', '.join(operand['axes'])})"
    return (
        f"//   {number:2}  {operand['name']:{widths[0]}}  {operand['dtype']:7}  {axes:{widths[1]}}  "
        f"{'; '.join(remarks)}".rstrip() + "\n"
    )


def one_line(text):
    """Names are a user's: nothing of them may end a comment's line."""
    return "".join(character if character.isprintable() and character != "\\" else "?" for character in text)


def wrapped(prototype):
    """A prototype in lines of at most 120 characters, which end behind a parameter."""
    begin, *parameters = prototype.split(", ")
    lines = [begin]
    for parameter in parameters:
        if len(lines[-1]) + len(parameter) + 3 <= 120:
            lines[-1] += f", {parameter}"
        else:
            lines[-1] += ","
            lines.append(" " * (begin.index("(") + 1) + parameter)
    return "\n".join(lines)


def kernel_text(kernel):
    """The functions of a kernel, each behind a comment."""
    name, metadata = kernel.name, kernel.metadata
    operands = {function["name"]: function["operands"] for function in metadata["functions"]}
    axes = ", ".join(
        axis["name"] if axis["extent"] < 0 else f"{axis['name']} = {axis['extent']}" for axis in metadata["axes"]
    )
    text = (
        f"// --- {name}: axes {one_line(axes) or 'none'}{' (a call brings those without a number)' if axes else ''}\n\n"
    )
    for member in kernel.members:
        function = symbol(name, member)
        text += f"// {SAYS[member].format(name=name)}\n"
        if function in operands:
            widths = [
                max(len(o["name"]) for o in operands[function]),
                max(len(", ".join(o["axes"])) + 2 for o in operands[function]),
            ]
            text += "".join(
                one_line(operand_line(i, operand, widths).rstrip("\n")) + "\n"
                for i, operand in enumerate(operands[function])
            )
        prototype = f"{result_type(member)} {function}({MEMBERS[member]});"
        text += wrapped(prototype) + "\n\n"
    return text + f"// What stands above, for programs.\nconst heed_metadata* {name}_metadata(void);\n\n"


def text_of(library, kernels, instruction_sets, interface):
    """The header; `interface` is the text of heed/export/interface.h."""
    guard = f"HEED_LIBRARY_{''.join(c if c.isalnum() else '_' for c in library)}_H"
    return (
        f"// Written by heed-kernel: {', '.join(kernel.name for kernel in kernels)}.\n"
        f"#ifndef {guard}\n#define {guard}\n\n"
        f"{interface}\n{HOW.format(sets=', '.join(instruction_sets))}"
        "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n"
        + "".join(map(kernel_text, kernels))
        + f"#ifdef __cplusplus\n}}\n#endif\n#endif  // {guard}\n"
    )
