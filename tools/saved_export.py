# SPDX-License-Identifier: MIT
"""torch.export archives that are the same wherever they are made."""
import pathlib

import torch


def save_export(program, path):
    """Saves the program; its nodes name source files without the folders of this machine."""
    for module in program.graph_module.modules():
        if not isinstance(module, torch.fx.GraphModule):
            continue
        for node in module.graph.nodes:
            lines = node.meta.get("stack_trace", "").split("\n")
            for index, line in enumerate(lines):
                before, quote, rest = line.partition('File "')
                if quote:
                    file, quote_after, after = rest.partition('"')
                    lines[index] = before + quote + pathlib.Path(file).name + quote_after + after
            if node.meta.get("stack_trace"):
                node.meta["stack_trace"] = "\n".join(lines)
    torch.export.save(program, path)
