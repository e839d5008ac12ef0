#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Trains the small blind denoiser on scenes made here, measures it, and exports denoise.pt2.

One run does everything and needs no data: scenes, noise and weights all follow from the seed.
It also writes the reference tensors that the tests compare against (see --references).
"""

import argparse
import math
import pathlib
import time

import numpy as np
import torch
from torch import nn
from torch.export import Dim

HERE = pathlib.Path(__file__).parent
REPOSITORY = HERE.parent.parent

MAX_SIGMA = 0.1
EVALUATION_SIGMAS = (0.025, 0.05, 0.1)
TRAINING_SCENES = 256
SCENE_SIZE = 192
HELD_OUT_SCENES = 16
CROP_SIZES = range(48, 65, 4)
BATCH_SIZE = 16
PEAK_LEARNING_RATE = 2e-3
WARMUP_STEPS = 100
CHARBONNIER_EPSILON = 1e-3


class Denoiser(nn.Module):
    """Estimates the noise from an 11x11 neighbourhood and takes it away from the input."""

    def __init__(self, width=32):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.conv3 = nn.Conv2d(width, width, 3, padding=1)
        self.conv4 = nn.Conv2d(width, width, 3, padding=1)
        self.conv5 = nn.Conv2d(width, 3, 3, padding=1)
        for conv in (self.conv1, self.conv2, self.conv3, self.conv4):
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            nn.init.zeros_(conv.bias)
        # Starting next to the identity keeps the clamp from swallowing the first gradients.
        nn.init.normal_(self.conv5.weight, std=1e-3)
        nn.init.zeros_(self.conv5.bias)

    def forward(self, x):
        features = torch.relu(self.conv1(x))
        features = torch.relu(self.conv2(features))
        features = torch.relu(self.conv3(features))
        features = torch.relu(self.conv4(features))
        return torch.clamp(x - self.conv5(features), 0.0, 1.0)


# ---- scenes ----------------------------------------------------------------------------------


def smooth_background(size, rng):
    """A few long waves per channel, and on half of the scenes a soft cloud with a 1/f spectrum."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    image = np.empty((3, size, size), np.float32)
    image[:] = rng.uniform(0.2, 0.8)
    for channel in range(3):
        image[channel] += rng.uniform(-0.15, 0.15)
        for _ in range(3):
            angle, phase = rng.uniform(0, 2 * np.pi, 2)
            frequency = 2 * np.pi / rng.uniform(150, 900)
            along = np.cos(angle) * x + np.sin(angle) * y
            image[channel] += 0.08 * np.sin(frequency * along + phase)
    return image + rng.choice([0.0, 0.05]) * cloud(size, rng)


def cloud(size, rng):
    """Gaussian field of unit variance whose amplitude falls with frequency, as in photographs."""
    fy = np.fft.fftfreq(size)[:, None]
    fx = np.fft.rfftfreq(size)[None, :]
    frequency = np.hypot(fy, fx)
    frequency[0, 0] = 1.0
    spectrum = np.fft.rfft2(rng.standard_normal((size, size)))
    spectrum *= frequency ** -rng.uniform(1.0, 1.8)
    spectrum[0, 0] = 0.0
    field = np.fft.irfft2(spectrum, (size, size))
    return (field / field.std()).astype(np.float32)


def glyph_coverage(u, v, radius, rng):
    """A line of 3x5 block letters with random strokes."""
    pen = max(1.0, radius / 8)
    column = np.floor((u + radius) / pen).astype(int)
    row = np.floor(v / pen).astype(int) + 3
    bitmap = rng.random((5, int(column.max(initial=0)) + 2)) < 0.6
    bitmap[:, 3::4] = False
    inside = (row >= 0) & (row < 5) & (column >= 0) & (np.abs(u) < radius)
    return inside & bitmap[np.clip(row, 0, 4), np.clip(column, 0, None)]


def leaf_coverage(u, v, radius, kind, rng):
    """How much of each pixel a leaf covers, 0..1, with edges about one pixel wide."""
    if kind == "glyphs":
        return glyph_coverage(u, v, radius, rng).astype(np.float32)
    if kind == "disc":
        distance = radius * rng.uniform(0.5, 1.0) - np.hypot(u, v)
    elif kind == "rectangle":
        width, height = radius * rng.uniform(0.2, 0.7, 2)
        distance = np.minimum(width - np.abs(u), height - np.abs(v))
    else:
        bend = 0.25 * radius * np.sin(u * (rng.uniform(2, 6) / radius) + rng.uniform(0, 6))
        thickness = rng.uniform(0.6, 0.8 + radius / 16)
        distance = np.minimum(radius - np.hypot(u, v), thickness - np.abs(v - bend))
    return np.clip(distance + 0.5, 0.0, 1.0)


def paint_leaf(image, radius, rng):
    size = image.shape[1]
    cx, cy = rng.uniform(-radius, size + radius, 2)
    x0, x1 = max(0, int(cx - radius) - 1), min(size, int(cx + radius) + 2)
    y0, y1 = max(0, int(cy - radius) - 1), min(size, int(cy + radius) + 2)
    if x0 >= x1 or y0 >= y1:
        return
    kind = rng.choice(["disc", "rectangle", "stroke", "glyphs"], p=[0.4, 0.35, 0.1, 0.15])
    angle = 0.0 if kind == "glyphs" else rng.uniform(0, np.pi)
    dy, dx = np.mgrid[y0:y1, x0:x1].astype(np.float32)
    dx, dy = dx - cx, dy - cy
    u = np.cos(angle) * dx + np.sin(angle) * dy
    v = np.cos(angle) * dy - np.sin(angle) * dx
    coverage = leaf_coverage(u, v, radius, kind, rng)
    shade = rng.uniform(-0.15, 0.15) * u / radius
    if rng.random() < 0.3:
        wave = 2 * np.pi / rng.uniform(3, 24)
        shade = shade + rng.uniform(0.02, 0.15) * np.sin(wave * v)
    # Most things are dull: colours stay near a common grey and few are vivid.
    colour = rng.uniform(0.02, 0.98) + rng.uniform(0.02, 0.35) * rng.uniform(-1, 1, 3)
    fill = colour[:, None, None] + shade
    patch = image[:, y0:y1, x0:x1]
    patch += coverage * (fill - patch)


def make_scene(size, rng):
    """Dead leaves: shapes with power-law sizes that hide each other, over a smooth background."""
    image = smooth_background(size, rng)
    smallest, largest = rng.uniform(2.5, 6.0), 120.0
    count = int(rng.uniform(0.3, 2.0) * (size / smallest) ** 2 / 10)
    fraction = rng.random(count)
    radii = (smallest**-2 + fraction * (largest**-2 - smallest**-2)) ** -0.5
    for radius in radii:
        paint_leaf(image, radius, rng)
    return np.round(np.clip(image, 0, 1) * 255).astype(np.uint8)


def make_scenes(count, size, seed):
    rng = np.random.default_rng(seed)
    scenes = np.stack([make_scene(size, rng) for _ in range(count)])
    return torch.from_numpy(scenes)


def add_noise(clean, sigma, generator):
    noise = torch.randn(clean.shape, generator=generator)
    return (clean + sigma * noise).clamp(0, 1)


def round_to_bytes(image):
    return (image * 255).round() / 255


# ---- training and measuring ------------------------------------------------------------------


def random_batch(scenes, generator):
    def draw(high, shape=(1,)):
        return torch.randint(high, shape, generator=generator)

    crop = CROP_SIZES[draw(len(CROP_SIZES)).item()]
    patches = []
    for index in draw(len(scenes), (BATCH_SIZE,)).tolist():
        top, left = draw(scenes.shape[-1] - crop + 1, (2,)).tolist()
        patches.append(scenes[index, :, top : top + crop, left : left + crop])
    clean = torch.stack(patches).float() / 255
    sigma = MAX_SIGMA * torch.rand((BATCH_SIZE, 1, 1, 1), generator=generator)
    noisy = add_noise(clean, sigma, generator)
    # Images arrive both as bytes and as floats, so half of each batch is rounded to bytes.
    half = BATCH_SIZE // 2
    return clean, torch.cat([round_to_bytes(noisy[:half]), noisy[half:]])


def learning_rate_factor(step, steps):
    if step < WARMUP_STEPS:
        return (step + 1) / WARMUP_STEPS
    return 0.5 * (1 + math.cos(math.pi * step / steps))


def train(model, scenes, steps, seed):
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=PEAK_LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: learning_rate_factor(step, steps)
    )
    started, recent = time.monotonic(), []
    for step in range(1, steps + 1):
        clean, noisy = random_batch(scenes, generator)
        difference = model(noisy) - clean
        loss = torch.sqrt(difference.square() + CHARBONNIER_EPSILON**2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        recent.append(loss.item())
        if step % 200 == 0 or step == steps:
            mean, seconds = sum(recent) / len(recent), time.monotonic() - started
            print(f"step {step:5d}  loss {mean:.5f}  {seconds:6.1f} s", flush=True)
            recent.clear()


def psnr(image, reference):
    """Mean over the images of a batch of each one's PSNR for a peak of 1."""
    error = (image - reference).square().mean(dim=(1, 2, 3))
    return (-10 * torch.log10(error)).mean().item()


def print_psnr_table(model, scenes, seed):
    clean = scenes.float() / 255
    print("| sigma | noisy, dB | denoised, dB | gain, dB |")
    print("|---|---|---|---|")
    for sigma in EVALUATION_SIGMAS:
        generator = torch.Generator().manual_seed(seed)
        noisy = round_to_bytes(add_noise(clean, sigma, generator))
        with torch.no_grad():
            before, after = psnr(noisy, clean), psnr(model(noisy), clean)
        print(f"| {sigma:.3f} | {before:.2f} | {after:.2f} | {after - before:.2f} |", flush=True)


# ---- export ----------------------------------------------------------------------------------


def export(model, path):
    # Zero padding keeps the size, so nothing in the graph depends on it and export takes 1 as the
    # least height and width without fixing either. The example is small because it is saved too,
    # and not square so that the two sizes stay apart.
    height, width = Dim("height", min=1, max=16384), Dim("width", min=1, max=16384)
    example = torch.rand((1, 3, 16, 24), generator=torch.Generator().manual_seed(0))
    program = torch.export.export(
        model, (example,), dynamic_shapes={"x": {2: height, 3: width}}
    )
    # Stack traces would put the paths of the machine that trained into the file.
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)
    torch.export.save(program, path)
    operators = [str(node.target) for node in program.graph.nodes if node.op == "call_function"]
    print("operators:", " ".join(operators))
    print("ranges:", {str(name): str(r) for name, r in program.range_constraints.items()})


def check_export(model, path):
    program = torch.export.load(path).module()
    generator = torch.Generator().manual_seed(1)
    for height, width in ((33, 47), (121, 75), (1, 9), (1, 1)):
        x = torch.rand((1, 3, height, width), generator=generator)
        with torch.no_grad():
            difference = (program(x) - model(x)).abs().max().item()
        print(f"reloaded, {height}x{width}: largest difference {difference:g}")
        if difference > 1e-6:
            raise SystemExit(f"{path.name} does not compute what the eager model does")


def write_references(model, scenes, folder):
    """Noisy crops and what eager PyTorch makes of them, for the tests."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(2)
    for index, (height, width) in enumerate(((37, 53), (64, 64))):
        clean = scenes[index : index + 1, :, 20 : 20 + height, 30 : 30 + width].float() / 255
        noisy = add_noise(clean, 0.05, generator)
        with torch.no_grad():
            denoised = model(noisy)
        np.save(folder / f"in{index}.npy", noisy.numpy())
        np.save(folder / f"out{index}.npy", denoised.numpy())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=8000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=pathlib.Path, default=HERE / "denoise.pt2")
    parser.add_argument(
        "--references", type=pathlib.Path, default=REPOSITORY / "tests" / "data" / "denoise"
    )
    options = parser.parse_args()

    # One thread makes the sums, and so the weights, the same from run to run.
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    scenes = make_scenes(TRAINING_SCENES, SCENE_SIZE, options.seed)
    held_out = make_scenes(HELD_OUT_SCENES, SCENE_SIZE, options.seed + 1_000_000)
    model = Denoiser()
    print("parameters:", sum(parameter.numel() for parameter in model.parameters()))
    # Channels last trains about three times as fast on a CPU; the saved weights are contiguous.
    model.to(memory_format=torch.channels_last)
    train(model, scenes, options.steps, options.seed)
    model.to(memory_format=torch.contiguous_format)
    model.eval().requires_grad_(False)
    print_psnr_table(model, held_out, options.seed)
    export(model, options.output)
    check_export(model, options.output)
    write_references(model, held_out, options.references)


if __name__ == "__main__":
    main()
