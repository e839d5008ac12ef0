#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Exports models of torchvision with random weights: export_models.py DIR [NAME...]

Every model gets a folder with model.pt2, in0.npy and the outputs that PyTorch computes, out0.npy ... Needs PyTorch 2.9 or
later and torchvision. Weights are random but not degenerate: batch norms have statistics, and layers that torchvision
starts at zero do not.
"""
import pathlib
import sys

import numpy
import torch
import torchvision

NAMES = """alexnet convnext_tiny deeplabv3_mobilenet_v3_large densenet121 efficientnet_b0 efficientnet_v2_s fcn_resnet50
googlenet inception_v3 lraspp_mobilenet_v3_large maxvit_t mnasnet1_0 mobilenet_v2 mobilenet_v3_large mobilenet_v3_small
regnet_y_400mf resnet18 resnet50 resnext50_32x4d shufflenet_v2_x1_0 squeezenet1_1 swin_t vgg11_bn vit_b_16
wide_resnet50_2""".split()
SEGMENTATION = {"fcn_resnet50", "deeplabv3_mobilenet_v3_large", "lraspp_mobilenet_v3_large"}
SIZES = {"inception_v3": 299}


def make_model(name, generator):
    torch.manual_seed(0)
    keywords = {"weights": None}
    if name in SEGMENTATION:
        keywords["weights_backbone"] = None
    if name in ("googlenet", "inception_v3"):
        keywords["init_weights"] = False
    model = torchvision.models.get_model(name, **keywords).eval()
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                count = module.num_features
                module.running_mean.copy_(torch.randn(count, generator=generator) * 0.1)
                module.running_var.copy_(torch.rand(count, generator=generator) + 0.5)
                module.weight.copy_(torch.rand(count, generator=generator) * 0.5 + 0.75)
                module.bias.copy_(torch.randn(count, generator=generator) * 0.1)
        for parameter in model.parameters():
            if not parameter.any():
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.05)
    return model


def outputs_of(result):
    if isinstance(result, torch.Tensor):
        return [result]
    if isinstance(result, dict):
        return list(result.values())
    return [tensor for tensor in result if tensor is not None]


def export(name, folder):
    generator = torch.Generator().manual_seed(1)
    model = make_model(name, generator)
    size = SIZES.get(name, 224)
    image = torch.randn(1, 3, size, size, generator=generator)
    folder.mkdir(parents=True, exist_ok=True)
    with torch.no_grad():
        outputs = outputs_of(model(image))
        torch.export.save(torch.export.export(model, (image,)), folder / "model.pt2")
    numpy.save(folder / "in0.npy", image.numpy())
    for index, output in enumerate(outputs):
        numpy.save(folder / f"out{index}.npy", output.numpy())
    print(name, [tuple(output.shape) for output in outputs], flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    for model_name in sys.argv[2:] or NAMES:
        export(model_name, pathlib.Path(sys.argv[1]) / model_name)
