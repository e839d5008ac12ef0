#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the files of tests/data/checkpoints. Needs PyTorch (2.9 or newer).

usage: tools/make_checkpoints.py FOLDER

Elements follow from their position (0, 1, 2, ...), so that the tests know them.
"""
import json
import pathlib
import struct
import sys
from collections import OrderedDict

import torch

DTYPES = {
    'f32': torch.float32, 'f64': torch.float64, 'f16': torch.float16, 'bf16': torch.bfloat16,
    'i64': torch.int64, 'i32': torch.int32, 'i16': torch.int16, 'i8': torch.int8, 'u8': torch.uint8,
    'u16': torch.uint16, 'u32': torch.uint32, 'u64': torch.uint64, 'bool': torch.bool,
}


def state_dict():
    """One tensor of each element type, views of shared storage, a parameter, an empty tensor, a scalar."""
    tensors = OrderedDict((name, torch.arange(6).reshape(2, 3).to(dtype)) for name, dtype in DTYPES.items())
    grid = torch.arange(12, dtype=torch.float32).reshape(3, 4)
    tensors['grid'] = grid
    tensors['turned'] = grid.t()
    tensors['row'] = grid[1]
    tensors['column'] = grid[:, 2]
    tensors['parameter'] = torch.nn.Parameter(torch.arange(4, dtype=torch.float32))
    tensors['empty'] = torch.zeros(0, 3)
    tensors['scalar'] = torch.tensor(7, dtype=torch.int64)
    tensors['epochs'] = 12
    tensors._metadata = OrderedDict({'': {'version': 1}})
    return tensors


def write_safetensors(path):
    """By hand: the format is a length, a JSON header and the bytes."""
    names = {'f32': 'F32', 'f64': 'F64', 'f16': 'F16', 'bf16': 'BF16', 'i64': 'I64', 'i32': 'I32', 'i16': 'I16',
             'i8': 'I8', 'u8': 'U8', 'u16': 'U16', 'u32': 'U32', 'u64': 'U64', 'bool': 'BOOL'}
    header, data = {'__metadata__': {'format': 'pt'}}, b''
    for name, dtype in DTYPES.items():
        raw = bytes(torch.arange(6).reshape(2, 3).to(dtype).untyped_storage())
        header[name] = {'dtype': names[name], 'shape': [2, 3], 'data_offsets': [len(data), len(data) + len(raw)]}
        data += raw
    header['empty'] = {'dtype': 'F32', 'shape': [0, 3], 'data_offsets': [len(data), len(data)]}
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    path.write_bytes(struct.pack('<Q', len(text)) + text + data)


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(state_dict(), folder / 'all_types.pth')
    torch.save({'epoch': 3, 'optimizer': {'lr': 0.1, 'steps': [1, 2]}, 'model': state_dict()},
               folder / 'training_state.pt', pickle_protocol=5)
    torch.save({'weight': torch.zeros(2)}, folder / 'legacy.pth', _use_new_zipfile_serialization=False)
    torch.save(torch.nn.Linear(2, 2), folder / 'whole_module.pth')
    write_safetensors(folder / 'all_types.safetensors')
    # For the named model 'edge'.
    torch.save({'conv.weight': torch.arange(9).reshape(1, 1, 3, 3) / 64}, folder / 'edge.pth')


if __name__ == '__main__':
    main(pathlib.Path(sys.argv[1]))
