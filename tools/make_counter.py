#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the model of tests/data/counter, whose buffers change with every run: make_counter.py DIR

Besides model.pt2 and in0.npy: runR_outI.npy, output I of run R in a row of three. Needs PyTorch 2.9 or later.
"""
import pathlib
import sys

import numpy
import torch

SOURCE = '''
class Counter(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("sum", torch.full((2, 3), 0.5))
        self.register_buffer("runs", torch.zeros(1, dtype=torch.int64))
        self.layer = torch.nn.Linear(3, 3)

    def forward(self, x):
        before = self.sum + 0
        self.sum[1].add_(x[0])
        self.runs += 1
        return before, self.layer(self.sum * 2), self.runs + 0
'''

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    exec(compile(SOURCE, "counter.py", "exec"))  # so that the archive names no folder of this machine
    torch.manual_seed(0)
    model = Counter().eval()  # noqa: F821
    x = torch.arange(6.0).reshape(2, 3)
    torch.export.save(torch.export.export(model, (x,)), folder / "model.pt2")
    numpy.save(folder / "in0.npy", x.numpy())
    for run in range(3):
        for index, output in enumerate(model(x)):
            numpy.save(folder / f"run{run}_out{index}.npy", output.detach().numpy())
