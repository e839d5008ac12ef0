# SPDX-License-Identifier: MIT
"""Reference results of quantized_decomposed operators that PyTorch alone does not have, or computes by
another rule than ExecuTorch's kernels (kernels/quantized/cpu, v1.4)."""
import torch

LIBRARY = torch.library.Library("quantized_decomposed", "FRAGMENT")


def define(schema):
    """Makes a function the implementation of an operator that PyTorch does not have."""
    def register(function):
        LIBRARY.define(schema)
        LIBRARY.impl(schema.partition("(")[0], function, "CompositeExplicitAutograd")
        return function
    return register


@define("add(Tensor a, float a_scale, int a_zero_point, int a_quant_min, int a_quant_max, Tensor b, float b_scale, "
        "int b_zero_point, int b_quant_min, int b_quant_max, float out_scale, int out_zero_point, int out_quant_min, "
        "int out_quant_max) -> Tensor")
def add(a, a_scale, a_zero_point, a_min, a_max, b, b_scale, b_zero_point, b_min, b_max, scale, zero_point, least,
        greatest):
    total = (a.float() - a_zero_point) * torch.tensor(a_scale) + (b.float() - b_zero_point) * torch.tensor(b_scale)
    inverse = torch.tensor(1.0) / torch.tensor(scale)
    return torch.clamp(torch.round(total * inverse) + zero_point, least, greatest).to(a.dtype)


@define("mixed_mm(Tensor input, Tensor weight, Tensor weight_scales, Tensor? weight_zero_points) -> Tensor")
def mixed_mm(matrix, weight, scales, _):
    product = matrix.double() @ (weight.double() * scales.double()[:, None])
    return product.to(matrix.dtype)


@define("mixed_linear(Tensor input, Tensor weight, Tensor weight_scales, Tensor? weight_zero_points, "
        "ScalarType? dtype=None) -> Tensor")
def mixed_linear(matrix, weight, scales, _, dtype=None):
    columns = weight.shape[1]
    groups = scales.reshape(weight.shape[0], -1).double()
    size = -(-columns // groups.shape[1])
    wide = groups.repeat_interleave(size, 1)[:, :columns]
    return (matrix.double() @ (weight.double() * wide).T).to(dtype or matrix.dtype)


def look_up(numbers, scales, zero_points, indices, dtype):
    groups = scales.reshape(numbers.shape[0], -1).float()
    size = numbers.shape[1] // groups.shape[1]
    offsets = 0 if zero_points is None else zero_points.reshape(groups.shape).float().repeat_interleave(size, 1)
    table = (numbers.float() - offsets) * groups.repeat_interleave(size, 1)
    return table[indices.long()].to(dtype or scales.dtype)


def unpack(weight, bits):
    """4-bit numbers begin in the upper half of a byte, 2-bit ones in the lowest bits."""
    shifts = {8: [0], 4: [4, 0], 2: [0, 2, 4, 6]}[bits]
    if bits == 8:
        return weight
    columns = [((weight.int() >> shift) & ((1 << bits) - 1)) - (1 << (bits - 1)) for shift in shifts]
    return torch.stack(columns, -1).reshape(weight.shape[0], -1)


for name, bits in (("embedding_byte", 8), ("embedding_4bit", 4), ("embedding_2bit", 2)):
    for overload, dtype_argument in (("", ""), (".dtype", ", *, ScalarType? dtype=None")):
        def embedding(weight, scales, zero_points, least, greatest, indices, dtype=None, bits=bits):
            return look_up(unpack(weight, bits), scales, zero_points, indices, dtype)
        define(f"{name}{overload}(Tensor weight, Tensor weight_scales, Tensor? weight_zero_points, "
               f"int weight_quant_min, int weight_quant_max, Tensor indices{dtype_argument}) -> Tensor")(embedding)


def choose(values, least, greatest):
    """Scale and zero point in double precision, for numbers that are neither tiny nor all 0."""
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    scale = (high - low) / (greatest - least)
    below, above = low / scale, high / scale
    from_min = abs(least) - abs(below) < abs(greatest) - abs(above)
    zero_point = round(float(torch.tensor(least - below if from_min else greatest - above)))
    return scale, min(max(zero_point, least), greatest)


def choose_qparams(values, least, greatest, _eps, _dtype):
    scale, zero_point = choose(values, least, greatest)
    return torch.tensor([scale], dtype=torch.float64), torch.tensor([zero_point])


def choose_qparams_per_token(values, _dtype):
    pairs = [choose(row, -128, 127) for row in values.reshape(-1, values.shape[-1])]
    shape = (*values.shape[:-1], 1)
    return (torch.tensor([scale for scale, _ in pairs], dtype=torch.float64).reshape(shape),
            torch.tensor([zero_point for _, zero_point in pairs]).reshape(shape))


REFERENCES = {
    "quantized_decomposed::choose_qparams.tensor": choose_qparams,
    "quantized_decomposed::choose_qparams_per_token_asymmetric": choose_qparams_per_token,
}
