#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes quantized models as PyTorch's tools leave them, for the tests of their import (needs PyTorch).

usage: tools/make_quantized.py tests/data/quantized

One folder each, with model.pt2, in0.npy and PyTorch's out0.npy ...:
  static   what convert_pt2e makes of a convolutional network: activations of one scale each, weights of one scale a channel
  dynamic  what it makes of linear layers whose activations are quantized by their range in each run
  grouped  what torchao's Int8DynamicActivationIntxWeightConfig makes of them: 4-bit weights, a scale for 32 of them
"""
import pathlib
import sys

import numpy
import torch
import torch.ao.quantization.fx._decomposed  # registers quantized_decomposed
from torch import nn

import torchao_references  # registers torchao
from saved_export import save_export

DECOMPOSED = torch.ops.quantized_decomposed


# ---- weights and activations -----------------------------------------------------------------------------------------

class FrozenWeight(nn.Module):
    """An int8 weight with a scale for each output channel."""

    def __init__(self, weight):
        super().__init__()
        rows = weight.detach().flatten(1)
        scale = (rows.abs().amax(1) / 127).clamp(min=2**-12)
        self.register_buffer("weight", torch.round(rows / scale[:, None]).to(torch.int8).reshape(weight.shape))
        self.register_buffer("scale", scale)
        self.register_buffer("zero_point", torch.zeros(len(scale), dtype=torch.int64))

    def forward(self):
        return DECOMPOSED.dequantize_per_channel.default(self.weight, self.scale, self.zero_point, 0, -127, 127, torch.int8)


class FrozenLayer(nn.Module):
    """A convolution or linear layer with a frozen weight."""

    def __init__(self, layer):
        super().__init__()
        self.layer = [layer]  # not a submodule: its weight is not exported
        self.weight = FrozenWeight(layer.weight)
        self.bias = nn.Parameter(layer.bias.detach())

    def forward(self, x):
        layer = self.layer[0]
        if isinstance(layer, nn.Linear):
            return torch.ops.aten.linear.default(x, self.weight(), self.bias)
        return torch.ops.aten.conv2d.default(x, self.weight(), self.bias, layer.stride, layer.padding, layer.dilation,
                                             layer.groups)


class Observed(nn.Module):
    """Measures ranges by name at first, later quantizes and dequantizes by them. Values of one name share a range."""

    def __init__(self):
        super().__init__()
        self.ranges, self.is_measuring = {}, True

    def quantized(self, x, name):
        if self.is_measuring:
            low, high = self.ranges.get(name, (0.0, 0.0))
            self.ranges[name] = (min(low, float(x.min())), max(high, float(x.max())))
            return x
        low, high = self.ranges[name]
        scale = max((high - low) / 255, 2**-12)
        zero_point = int(min(max(round(-128 - low / scale), -128), 127))
        x = DECOMPOSED.quantize_per_tensor.default(x, scale, zero_point, -128, 127, torch.int8)
        return DECOMPOSED.dequantize_per_tensor.default(x, scale, zero_point, -128, 127, torch.int8)


# ---- models ----------------------------------------------------------------------------------------------------------

class Static(Observed):
    """Convolutions with and without activation, depthwise too; sums and concatenations; pooling; a linear layer."""

    def __init__(self):
        super().__init__()
        self.stem = FrozenLayer(nn.Conv2d(3, 8, 3, 2, 1))
        self.depthwise = FrozenLayer(nn.Conv2d(8, 8, 3, 1, 1, groups=8))
        self.project = FrozenLayer(nn.Conv2d(8, 8, 1))
        self.branch = FrozenLayer(nn.Conv2d(8, 4, 3, 1, 1))
        self.classify = FrozenLayer(nn.Linear(12, 40))

    def forward(self, x):
        x = self.quantized(x, "input")
        stem = self.quantized(torch.relu(self.stem(x)), "stem")
        wide = self.quantized(nn.functional.hardtanh(self.depthwise(stem), 0, 6), "wide")
        narrow = self.quantized(self.project(wide), "narrow")
        total = self.quantized(narrow + stem, "shared")
        pooled = self.quantized(nn.functional.max_pool2d(total, 2, 2), "shared")
        branch = self.quantized(torch.relu(self.branch(pooled)), "shared")
        joined = self.quantized(torch.cat([pooled, branch], 1), "shared")
        mean = self.quantized(torch.mean(joined, (2, 3)), "mean")
        return self.quantized(self.classify(mean), "output"), joined


class Dynamic(nn.Module):
    """Two linear layers, the input of each quantized by its own range."""

    def __init__(self):
        super().__init__()
        self.first, self.second = FrozenLayer(nn.Linear(48, 64)), FrozenLayer(nn.Linear(64, 10))

    def quantized(self, x):
        scale, zero_point = DECOMPOSED.choose_qparams.tensor(x, -128, 127, 2**-23, torch.int8)
        x = DECOMPOSED.quantize_per_tensor.tensor(x, scale, zero_point, -128, 127, torch.int8)
        return DECOMPOSED.dequantize_per_tensor.tensor(x, scale, zero_point, -128, 127, torch.int8)

    def forward(self, x):
        x = torch.relu(self.first(self.quantized(x)))
        return self.second(self.quantized(x))


# ---- as torchao quantizes --------------------------------------------------------------------------------------------

class GroupedLinear(nn.Module):
    GROUP = 32

    def __init__(self, layer):
        super().__init__()
        weight = layer.weight.detach()
        scale = weight.reshape(len(weight), -1, self.GROUP).abs().amax(-1) / 7.5
        zero_point = torch.zeros(scale.shape, dtype=torch.int8)
        block = (1, self.GROUP)
        self.register_buffer(
            "qdata", torchao_references.quantize_affine(weight, block, scale, zero_point, torch.int8, -8, 7))
        self.register_buffer("scale", scale)
        self.register_buffer("zero_point", zero_point)
        self.bias = nn.Parameter(layer.bias.detach())

    def forward(self, x):
        row, ao = (1, x.shape[-1]), torch.ops.torchao
        scale, zero_point = ao.choose_qparams_affine.default(x, "ASYMMETRIC", row, torch.int8, -128, 127, None, None,
                                                             torch.int8)
        x = ao.quantize_affine.default(x, row, scale, zero_point, torch.int8, -128, 127)
        x = ao.dequantize_affine.default(x, row, scale, zero_point, torch.int8, -128, 127)
        weight = ao.dequantize_affine.default(self.qdata, (1, self.GROUP), self.scale, self.zero_point, torch.int8, -8, 7)
        return torch.ops.aten.linear.default(x, weight, self.bias)


class Grouped(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = GroupedLinear(nn.Linear(64, 96)), GroupedLinear(nn.Linear(96, 10))

    def forward(self, x):
        return self.second(torch.relu(self.first(x)))


# ---- files -----------------------------------------------------------------------------------------------------------

def write(folder, model, x, dynamic_shapes=None):
    folder.mkdir(parents=True, exist_ok=True)
    with torch.no_grad():
        save_export(torch.export.export(model, (x,), dynamic_shapes=dynamic_shapes), folder / "model.pt2")
        numpy.save(folder / "in0.npy", x.numpy())
        outputs = model(x)
    for index, output in enumerate(outputs if isinstance(outputs, tuple) else (outputs,)):
        numpy.save(folder / f"out{index}.npy", output.numpy())


def main():
    folder = pathlib.Path(sys.argv[1])
    torch.manual_seed(0)
    static = Static().eval()
    with torch.no_grad():
        for _ in range(8):
            static(torch.rand(1, 3, 24, 24))
    static.is_measuring = False
    write(folder / "static", static, torch.rand(1, 3, 24, 24))
    write(folder / "dynamic", Dynamic().eval(), torch.randn(3, 48))
    write(folder / "grouped", Grouped().eval(), torch.randn(3, 64), ({0: torch.export.Dim("rows", max=16)},))


if __name__ == "__main__":
    main()
