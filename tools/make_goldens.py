#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Computes the operator tests' reference results with PyTorch.

usage: tools/make_goldens.py tests/data/goldens [FAMILY...]

For each FAMILY.txt in the folder (written by `TESSERA_BLESS=1 operators`, one sample a line), or for
those named, writes FAMILY.bin, the elements of all results one after the other.
"""
import pathlib
import re
import sys

import numpy
import torch
import torch.ao.quantization.fx._decomposed  # registers quantized_decomposed

import quantized_references
import torchao_references  # noqa: F401 registers torchao

DTYPES = {"u8": torch.uint8, "i8": torch.int8, "i16": torch.int16, "i32": torch.int32, "i64": torch.int64,
          "f16": torch.float16, "f32": torch.float32, "f64": torch.float64, "bool": torch.bool,
          "bf16": torch.bfloat16}
SCALAR_TYPES = {0: torch.uint8, 1: torch.int8, 2: torch.int16, 3: torch.int32, 4: torch.int64, 5: torch.float16,
                6: torch.float32, 7: torch.float64, 11: torch.bool, 15: torch.bfloat16}
POSITIVE_ARGUMENTS = {"running_var", "scale", "scales", "weight_scales"}
# Operators that PyTorch does not have under their own name: reference(positional, keywords) -> results.
REFERENCES = quantized_references.REFERENCES | {
    "et_copy::_h2d_copy": lambda self: self.clone(),
    "et_copy::_d2h_copy": lambda self: self.clone(),
    "dim_order_ops::_clone_dim_order": lambda self, **_: self.clone(),
    "dim_order_ops::_to_dim_order_copy": lambda self, dtype=None, **_: self.to(dtype or self.dtype),
}
# Their schemas, where they are in no library that PyTorch itself loads.
SCHEMAS = {
    "et_copy::_h2d_copy": "(Tensor self) -> Tensor",
    "et_copy::_d2h_copy": "(Tensor self) -> Tensor",
    "dim_order_ops::_clone_dim_order":
        "(Tensor self, *, bool non_blocking=False, int[]? dim_order=None) -> Tensor",
    "dim_order_ops::_to_dim_order_copy":
        "(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, "
        "bool? pin_memory=None, bool non_blocking=False, int[]? dim_order=None) -> Tensor",
}
MASK = (1 << 64) - 1
PRIME = 0x100000001B3


def sample_tensor(name, sample, tensor, dtype, shape, is_positive, index_limit):
    """The rule of tests/operators/sample_data.h."""
    start = 0xCBF29CE484222325
    for byte in name.encode():
        start = ((start ^ byte) * PRIME) & MASK
    start = ((start ^ sample) * PRIME) & MASK
    start = ((start ^ tensor) * PRIME) & MASK
    elements = []
    for index in range(int(numpy.prod(shape, dtype=numpy.int64))):
        mixed = (start + (index + 1) * 0x9E3779B97F4A7C15) & MASK
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & MASK
        bits = (mixed ^ (mixed >> 31)) >> 40
        if dtype == torch.bool:
            elements.append(bits % 2 != 0)
        elif dtype.is_floating_point:
            value = (bits - (1 << 23)) / (1 << 22)
            elements.append(abs(value) + 0.25 if is_positive else value)
        elif index_limit > 0:
            elements.append(bits % index_limit)
        else:
            elements.append(bits % 21 - (0 if dtype == torch.uint8 else 10))
    return torch.tensor(elements, dtype=dtype).reshape(shape)


class Parser:
    """Arguments of a sample: types, numbers, strings, none, true, false and lists of them."""

    def __init__(self, text, make_tensor):
        self.tokens = re.findall(r"\"[^\"]*\"|[A-Za-z]\w*|-?\d[\d.]*(?:e[+-]?\d+)?|[\[\](),]", text)
        self.at = 0
        self.make_tensor = make_tensor

    def next(self):
        self.at += 1
        return self.tokens[self.at - 1]

    def items(self, close, parse):
        result = []
        while self.tokens[self.at] != close:
            if self.tokens[self.at] == ",":
                self.at += 1
            result.append(parse())
        self.at += 1
        return result

    def value(self):
        token = self.next()
        if token in DTYPES:
            self.next()
            return self.make_tensor(DTYPES[token], self.items("]", lambda: int(self.next())))
        if token[0] == '"':
            return token[1:-1]
        if token == "[":
            return self.items("]", self.value)
        if token in ("none", "true", "false"):
            return {"none": None, "true": True, "false": False}[token]
        return float(token) if re.search(r"[.e]", token) else int(token)

    def arguments(self):
        assert self.next() == "("
        return self.items(")", self.value)


def schema_of(name):
    if name in SCHEMAS:
        return torch._C.parse_schema(name + SCHEMAS[name])
    return find_operator(name)._schema


def find_operator(name):
    namespace, _, rest = name.partition("::")
    operator_name, _, overload = rest.partition(".")
    return getattr(getattr(getattr(torch.ops, namespace), operator_name), overload or "default")


def evaluate(name, sample, text, index_limit):
    count = 0

    def make_tensor(dtype, shape):
        nonlocal count
        count += 1
        return (count - 1, dtype, shape)

    parsed = Parser(text, make_tensor).arguments()
    positional, keywords = [], {}
    for schema, value in zip(schema_of(name).arguments, parsed, strict=True):
        def fill(entry):
            is_positive = schema.name in POSITIVE_ARGUMENTS
            return sample_tensor(name, sample, *entry, is_positive, index_limit)
        if isinstance(value, tuple):
            value = fill(value)
        elif isinstance(value, list) and any(isinstance(entry, tuple) for entry in value):
            value = [None if entry is None else fill(entry) for entry in value]
        elif schema.name.endswith("dtype") and value is not None:
            value = SCALAR_TYPES[value]
        elif schema.name == "memory_format" and value is not None:
            value = torch.contiguous_format
        elif schema.name == "device":
            value = None if value is None else torch.device(value)
        elif schema.name == "layout":
            value = None
        if schema.kwarg_only:
            keywords[schema.name] = value
        else:
            positional.append(value)
    operator = REFERENCES[name] if name in REFERENCES else find_operator(name)
    results = operator(*positional, **keywords)
    return [results] if isinstance(results, torch.Tensor) else list(results)


def bytes_of(tensor):
    tensor = tensor.contiguous()
    if tensor.dtype == torch.bfloat16:  # which numpy does not have
        tensor = tensor.view(torch.int16)
    return tensor.numpy().tobytes()


def write_family(folder, family):
    samples = {}
    data = bytearray()
    for line in (folder / f"{family}.txt").read_text().splitlines():
        call, _, types = line.rpartition(" -> ")  # an equation may have an arrow, too
        call, _, limit = call.partition(" indices below ")
        name, _, arguments = call.partition(" ")
        sample = samples.setdefault(name, 0)
        samples[name] += 1
        results = evaluate(name, sample, arguments, int(limit or 0))
        found = " ".join(
            next(key for key, dtype in DTYPES.items() if dtype == result.dtype)
            + "[" + ",".join(map(str, result.shape)) + "]"
            for result in results)
        if found != types:
            sys.exit(f"{call}: infer says {types}, PyTorch gives {found}")
        for result in results:
            data += bytes_of(result)
    (folder / f"{family}.bin").write_bytes(data)
    print(f"{family}: {sum(samples.values())} samples of {len(samples)} operators, {len(data)} bytes")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    goldens = pathlib.Path(sys.argv[1])
    for name in sys.argv[2:] or sorted(path.stem for path in goldens.glob("*.txt")):
        write_family(goldens, name)
