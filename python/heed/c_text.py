"""Pieces of C that the dispatcher and the header of a library are both made of."""

import json

CALL = "const heed_tensor* operands, int32_t count, void* workspace, size_t workspace_bytes, heed_error* error"
BYTES = "const heed_tensor* operands, int32_t count, size_t* bytes, heed_error* error"
FORWARD = (
    "const heed_tensor* operands, int32_t count, void* saved, size_t saved_bytes, void* workspace, "
    "size_t workspace_bytes, heed_error* error"
)
BACKWARD = FORWARD.replace("void* saved", "const void* saved")
REFERENCE = "const heed_tensor* operands, int32_t count, heed_error* error"
OPERATIONS = "const heed_tensor* operands, int32_t count, double* flops, heed_error* error"

# member of heed_kernel_part -> its parameters, in the order of the struct; the symbol is NAME_member, of `call` NAME.
MEMBERS = {
    "call": CALL,
    "workspace_bytes": BYTES,
    "forward": FORWARD,
    "forward_workspace_bytes": BYTES,
    "saved_bytes": BYTES,
    "backward": BACKWARD,
    "backward_workspace_bytes": BYTES,
    "reference": REFERENCE,
    "backward_reference": REFERENCE,
    "operations": OPERATIONS,
    "backward_operations": OPERATIONS,
    "peak": "int32_t threads, int32_t bits",
}

ROLES = {
    "input": "HEED_INPUT",
    "extent": "HEED_EXTENT",
    "cotangent": "HEED_COTANGENT",
    "result": "HEED_RESULT",
    "gradient": "HEED_GRADIENT",
}
DTYPES = {"float32": (2, 32), "float64": (2, 64), "int8": (0, 8), "int32": (0, 32), "int64": (0, 64), "bool": (6, 8)}


def symbol(kernel, member):
    return kernel if member == "call" else f"{kernel}_{member}"


def result_type(member):
    return "double" if member == "peak" else "int32_t"


def symbols(kernel):
    """All that a kernel exports."""
    return [symbol(kernel.name, member) for member in kernel.members] + [f"{kernel.name}_metadata"]


def quoted(text):
    """A string of C."""
    return (
        '"'
        + "".join(
            f"\\{chr(byte)}" if chr(byte) in '"\\?' else chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}"
            for byte in text.encode()
        )
        + '"'
    )


def compact(metadata):
    return json.dumps(metadata, separators=(",", ":"), ensure_ascii=False)
