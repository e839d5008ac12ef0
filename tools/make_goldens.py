#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Computes the operator tests' reference results with PyTorch.

usage: tools/make_goldens.py tests/data/goldens

Reads operators.txt (written by `TESSERA_BLESS=1 operators`, one sample a line) in that folder and
writes operators.bin, the elements of all results one after the other.
"""
import pathlib
import re
import sys

import numpy
import torch

DTYPES = {"f32": torch.float32, "f64": torch.float64, "i32": torch.int32, "i64": torch.int64}
SCALAR_TYPES = {3: torch.int32, 4: torch.int64, 6: torch.float32, 7: torch.float64}
MASK = (1 << 64) - 1
PRIME = 0x100000001B3


def sample_tensor(name, sample, tensor, dtype, shape, is_variance):
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
        if dtype.is_floating_point:
            value = (bits - (1 << 23)) / (1 << 22)
            elements.append(abs(value) + 0.25 if is_variance else value)
        else:
            elements.append(bits % 21 - 10)
    return torch.tensor(elements, dtype=dtype).reshape(shape)


class Parser:
    """Arguments of a sample: types, numbers, none, true, false and lists of them."""

    def __init__(self, text, make_tensor):
        self.tokens = re.findall(r"[A-Za-z]\w*|-?\d[\d.]*(?:e[+-]?\d+)?|[\[\](),]", text)
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
        if token == "[":
            return self.items("]", self.value)
        if token in ("none", "true", "false"):
            return {"none": None, "true": True, "false": False}[token]
        return float(token) if re.search(r"[.e]", token) else int(token)

    def arguments(self):
        assert self.next() == "("
        return self.items(")", self.value)


def evaluate(name, sample, text):
    namespace, _, rest = name.partition("::")
    operator_name, _, overload = rest.partition(".")
    operator = getattr(getattr(getattr(torch.ops, namespace), operator_name), overload or "default")
    count = 0

    def make_tensor(dtype, shape):
        nonlocal count
        count += 1
        return (count - 1, dtype, shape)

    parsed = Parser(text, make_tensor).arguments()
    positional, keywords = [], {}
    for schema, value in zip(operator._schema.arguments, parsed, strict=True):
        def fill(entry):
            return sample_tensor(name, sample, *entry, schema.name == "running_var")
        if isinstance(value, tuple):
            value = fill(value)
        elif isinstance(value, list) and value and isinstance(value[0], tuple):
            value = [fill(entry) for entry in value]
        elif schema.name == "dtype" and value is not None:
            value = SCALAR_TYPES[value]
        elif schema.name == "memory_format" and value is not None:
            value = torch.contiguous_format
        if schema.kwarg_only:
            keywords[schema.name] = value
        else:
            positional.append(value)
    results = operator(*positional, **keywords)
    return [results] if isinstance(results, torch.Tensor) else list(results)


def main(folder):
    samples = {}
    data = bytearray()
    for line in (folder / "operators.txt").read_text().splitlines():
        call, _, types = line.partition(" -> ")
        name, _, arguments = call.partition(" ")
        sample = samples.setdefault(name, 0)
        samples[name] += 1
        results = evaluate(name, sample, arguments)
        found = " ".join(
            next(key for key, dtype in DTYPES.items() if dtype == result.dtype)
            + "[" + ",".join(map(str, result.shape)) + "]"
            for result in results)
        if found != types:
            sys.exit(f"{call}: infer says {types}, PyTorch gives {found}")
        for result in results:
            data += result.contiguous().numpy().tobytes()
    (folder / "operators.bin").write_bytes(data)
    print(f"{sum(samples.values())} samples of {len(samples)} operators, {len(data)} bytes")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]))
