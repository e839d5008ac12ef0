#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes one small exported model in the layouts of three generations of torch.export.save. Needs PyTorch 2.9 or newer.

usage: tools/make_old_archives.py tests/data/old_archives

raw.pt2      2.9 and newer: every weight a raw entry (as torch.export.save writes it, without the example inputs)
pickled.pt2  2.8: weights and constants each an archive of torch.save in the archive
flat.pt2     2.7 and older: other names, sizes as infix expressions, entries at any offset
"""
import io
import json
import pathlib
import re
import sys
import zipfile

import sympy
import torch
from torch.utils._sympy import functions


class Model(torch.nn.Module):
    """Parameters, persistent buffers, a buffer that is not, a constant, and sizes that are halved."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(1, 4, 3, stride=2, padding=1)
        self.bn = torch.nn.BatchNorm2d(4)
        self.register_buffer('gain', torch.tensor([0.5, 1, 2, 4]).reshape(1, 4, 1, 1), persistent=False)

    def forward(self, x):
        y = torch.relu(self.bn(self.conv(x))) * self.gain
        return y + torch.tensor([0.25])


def exported():
    torch.manual_seed(1)
    model = Model().eval()
    model.bn.running_mean.uniform_(-1, 1)
    model.bn.running_var.uniform_(0.5, 2)
    sizes = {2: torch.export.Dim('h', min=4, max=64), 3: torch.export.Dim('w', min=4, max=64)}
    return torch.export.export(model, (torch.zeros(1, 1, 8, 12),), dynamic_shapes=(sizes,))


def raw_archive(program):
    """The entries of a new archive, relative to its root, without the machine's paths."""
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    entries = {}
    with zipfile.ZipFile(buffer) as archive:
        for name in archive.namelist():
            entries[name.split('/', 1)[1]] = archive.read(name)
    entries['data/sample_inputs/model.pt'] = b''
    text = entries['models/model.json'].decode()
    entries['models/model.json'] = re.sub(r'File \\"[^"]*/', r'File \\"', text).encode()
    return {name: data for name, data in entries.items() if not name.startswith('.data/')}


def infix(srepr):
    names = {name: getattr(functions, name) for name in dir(functions)} | vars(sympy)
    return str(eval(srepr, names))


def older_json(text):
    """What the model looked like when 2.6 wrote it."""
    program = json.loads(text)
    program['schema_version'] = {'major': 8, 'minor': 2}
    for key in ('guards_code', 'torch_version'):
        program.pop(key)
    program['graph_module'].pop('treespec_namedtuple_fields')
    for node in program['graph_module']['graph']['nodes']:
        node.pop('name', None)
        for argument in node['inputs']:
            argument.pop('kind')
    text = json.dumps(program)
    return re.sub(r'"expr_str": "([^"]*)"', lambda match: f'"expr_str": "{infix(match[1])}"', text)


def pickled(tensors):
    buffer = io.BytesIO()
    torch.save(tensors, buffer)
    return buffer.getvalue()


def write(path, entries):
    """As PyTorch does: stored, at multiples of 64 bytes, everything in one folder."""
    writer = torch._C.PyTorchFileWriter(str(path))
    for name, data in entries.items():
        writer.write_record(name, data, len(data))
    writer.write_end_of_file()


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    program = exported()
    entries = raw_archive(program)
    write(folder / 'raw.pt2', entries)

    state = dict(program.state_dict)
    constants = dict(program.constants)
    small = {name: data for name, data in entries.items() if not name.startswith('data/')}
    write(folder / 'pickled.pt2', {
        'data/weights/model.pt': pickled(state), 'data/constants/model.pt': pickled(constants),
        'data/sample_inputs/model.pt': b'', **small})

    with zipfile.ZipFile(folder / 'flat.pt2', 'w') as archive:
        def add(name, data):
            archive.writestr(zipfile.ZipInfo(name), data)
        add('version', '8.2')
        add('serialized_exported_program.json', older_json(entries['models/model.json'].decode()))
        add('serialized_state_dict.pt', pickled(state))
        add('serialized_constants.pt', pickled(constants))
        add('serialized_example_inputs.pt', b'')


if __name__ == '__main__':
    main(pathlib.Path(sys.argv[1]))
