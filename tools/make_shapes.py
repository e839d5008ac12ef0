#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Trains a small classifier of shapes for the tests of quantization (needs PyTorch; about two minutes).

usage: tools/make_shapes.py tests/data/shapes

Writes model.pt2 (f32[1,3,32,32] of 0..1 to f32[1,8]), images.npy (u8[400,3,32,32]) with labels.npy
(u8[400]) that it was not trained on, and calibration.npy (u8[32,3,32,32]).
"""
import math
import pathlib
import sys

import numpy
import torch
from torch import nn

from saved_export import save_export

CLASSES = ("disk", "ring", "square", "frame", "triangle", "cross", "star", "moon")
SIZE = 32


def polygon(x, y, corners, radii):
    """Signed distance, roughly, to a star-shaped polygon whose corners lie at these radii in turn."""
    step = 2 * math.pi / corners
    angle = torch.remainder(torch.atan2(y, x), step) / step
    first, second = radii[0], radii[1]
    between = torch.where(angle < 0.5, 2 * angle, 2 - 2 * angle)
    return torch.hypot(x, y) - (first + (second - first) * between)


def distance(shape, x, y):
    """Below zero inside a shape of radius 1 around the origin."""
    radius, box = torch.hypot(x, y), torch.maximum(x.abs(), y.abs())
    bar = torch.maximum(torch.minimum(x.abs(), y.abs()) - 0.3, box - 1)
    return {
        "disk": radius - 0.9,
        "ring": (radius - 0.75).abs() - 0.22,
        "square": box - 0.8,
        "frame": (box - 0.7).abs() - 0.18,
        "triangle": torch.maximum(-y - 0.5, 0.866 * x.abs() + 0.5 * y - 0.5),
        "cross": bar,
        "star": polygon(x, y, 5, (1.1, 0.45)),
        "moon": torch.maximum(radius - 0.95, 0.75 - torch.hypot(x - 0.45, y)),
    }[shape]


def make_images(count, seed):
    """Shapes of any colour, place, size and direction on a background of another one, in noise."""
    random = torch.Generator().manual_seed(seed)
    uniform = lambda low, high, *shape: low + (high - low) * torch.rand(count, *shape, generator=random)
    labels = torch.arange(count) % len(CLASSES)
    axis = torch.arange(SIZE) + 0.5
    scale, angle = uniform(5, 11, 1, 1), uniform(0, 2 * math.pi, 1, 1)
    u = axis[None, None, :] - uniform(11, 21, 1, 1)
    v = axis[None, :, None] - uniform(11, 21, 1, 1)
    x = (angle.cos() * u + angle.sin() * v) / scale
    y = (angle.cos() * v - angle.sin() * u) / scale
    depth = torch.stack([distance(shape, x, y) for shape in CLASSES])[labels, torch.arange(count)]
    cover = (0.5 - depth * scale).clamp(0, 1)[:, None]
    back, front = uniform(0, 1, 3, 1, 1), uniform(0, 1, 3, 1, 1)
    # Colours that are too near to each other would be a game of chance.
    near = (front - back).abs().amax(1, keepdim=True) < 0.3
    front = torch.where(near, torch.remainder(back + 0.5, 1), front)
    slope = uniform(-0.3, 0.3, 3, 1, 1) * (axis[None, None, None, :] / SIZE - 0.5)
    images = back + slope + cover * (front - back)
    images = images + uniform(0.02, 0.16, 1, 1, 1) * torch.randn(images.shape, generator=random)
    return (images.clamp(0, 1) * 255).round().to(torch.uint8), labels


def convolution(inputs, outputs, kernel=1, stride=1, groups=1, is_active=True):
    layers = [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
              nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, *([nn.ReLU6()] if is_active else []))


class InvertedResidual(nn.Module):
    """MobileNetV2's block."""

    def __init__(self, inputs, outputs, stride, expansion):
        super().__init__()
        hidden = inputs * expansion
        self.layers = nn.Sequential(convolution(inputs, hidden),
                                    convolution(hidden, hidden, 3, stride, groups=hidden),
                                    convolution(hidden, outputs, is_active=False))
        self.has_shortcut = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.layers(x) if self.has_shortcut else self.layers(x)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))
        self.features = nn.Sequential(
            convolution(3, 16, 3, 2),
            InvertedResidual(16, 16, 1, 3),
            InvertedResidual(16, 24, 2, 4),
            InvertedResidual(24, 24, 1, 4),
            InvertedResidual(24, 32, 2, 4),
            InvertedResidual(32, 32, 1, 4),
            convolution(32, 96))
        self.classifier = nn.Sequential(nn.Dropout(0.1), nn.Linear(96, len(CLASSES)))

    def forward(self, x):
        x = self.features((x - self.mean) / self.deviation)
        return self.classifier(x.mean((2, 3)))


def accuracy(model, images, labels):
    with torch.no_grad():
        return (model(images.float() / 255).argmax(1) == labels).double().mean().item()


def train(images, labels, num_epochs=9, batch=64):
    torch.manual_seed(1)
    torch.set_num_threads(1)  # the same sums everywhere
    model = Classifier().to(memory_format=torch.channels_last)  # twice as fast
    images = images.to(memory_format=torch.channels_last)
    steps = num_epochs * (len(images) // batch)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=steps)
    for epoch in range(num_epochs):
        for chosen in torch.randperm(len(images))[:len(images) // batch * batch].split(batch):
            loss = nn.functional.cross_entropy(model(images[chosen].float() / 255), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        print(f"epoch {epoch}: loss {loss.item():.3f}", flush=True)
    return model.eval().to(memory_format=torch.contiguous_format)


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    model = train(*make_images(12_000, seed=1))
    images, labels = make_images(400, seed=2)
    calibration, _ = make_images(32, seed=3)
    print(f"top-1 of {len(images)} test images: {accuracy(model, images, labels):.4f}")
    numpy.save(folder / "images.npy", images.numpy())
    numpy.save(folder / "labels.npy", labels.to(torch.uint8).numpy())
    numpy.save(folder / "calibration.npy", calibration.numpy())
    program = torch.export.export(model, (images[:1].float() / 255,))
    save_export(program, folder / "model.pt2")


if __name__ == "__main__":
    main()
