# SPDX-License-Identifier: MIT
"""Times PyTorch eager and onnxruntime on a torchvision model, for `./dev bench tables`.

    bench_peers.py MODEL THREADS WARMUP RUNS

Prints one line of JSON: for each peer that is installed "first_run_ms" and "run_ms". The weights are random, as are
those of the models that they are compared with.
"""
import json
import os
import sys
import tempfile
import time


def measure(run, warmup, runs):
    """Milliseconds of the first run and of `runs` runs after `warmup` further ones."""

    def once():
        start = time.perf_counter()
        run()
        return 1000 * (time.perf_counter() - start)

    first = once()
    for _ in range(warmup):
        once()
    return {"first_run_ms": first, "run_ms": [once() for _ in range(runs)]}


def eager(torch, model, image, warmup, runs):
    # Channels last is what PyTorch's convolutions are fastest with.
    model = model.to(memory_format=torch.channels_last)
    image = image.contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        return measure(lambda: model(image), warmup, runs)


def onnxruntime(torch, model, image, threads, warmup, runs):
    import onnxruntime as ort

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.onnx")
        torch.onnx.export(model, (image,), path, dynamo=False)
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: image.numpy()}
    return measure(lambda: session.run(None, feed), warmup, runs)


def main():
    name, threads, warmup, runs = sys.argv[1], *map(int, sys.argv[2:5])
    result = {}
    try:
        import torch
        import torchvision
    except ImportError:
        print(json.dumps(result))
        return
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model = torchvision.models.get_model(name, weights=None).eval()
    image = torch.rand(1, 3, 224, 224)
    result["onnxruntime"] = None
    try:
        result["onnxruntime"] = onnxruntime(torch, model, image, threads, warmup, runs)
    except Exception as error:  # not installed, or it cannot have this model: the column stays empty
        print(f"onnxruntime: {error}", file=sys.stderr)
    result["eager"] = eager(torch, model, image, warmup, runs)
    print(json.dumps(result))


main()
