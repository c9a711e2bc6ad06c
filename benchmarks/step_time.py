"""Time of one optimiser step: SGMP against torch.optim's SGD and AdamW and against the memory bandwidth.

What is measured: ``optimizer.step()`` alone, float32, on parameters and gradients that stay in place, for five sets of
shapes. All methods take turns within one run, so that a machine that slows down slows all of them; each figure is the
median over the rounds, each ratio the median of the ratios within a round. "of bandwidth" is 20 bytes a parameter (read
parameter, gradient and buffer, write parameter and buffer) over the time of a step, divided by the best rate that a
copy, a triad or an in-place update of arrays of that size reaches in the same round. Where everything fits in the cache
it says little; above 1, a neighbour took the machine's bandwidth in between.

    python benchmarks/step_time.py [--rounds 30] [--threads 2] [--out step_time.json]
"""

import argparse
import json
import os
import platform
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch

from underdamped import GeometricDecay
from underdamped.torch import SGMP

RESNET18 = [
    (64, 3, 7, 7), (64,), (64,),
    *[shape for _ in range(4) for shape in ((64, 64, 3, 3), (64,), (64,))],
    (128, 64, 3, 3), (128,), (128,), (128, 128, 3, 3), (128,), (128,), (128, 64, 1, 1), (128,), (128,),
    *[shape for _ in range(2) for shape in ((128, 128, 3, 3), (128,), (128,))],
    (256, 128, 3, 3), (256,), (256,), (256, 256, 3, 3), (256,), (256,), (256, 128, 1, 1), (256,), (256,),
    *[shape for _ in range(2) for shape in ((256, 256, 3, 3), (256,), (256,))],
    (512, 256, 3, 3), (512,), (512,), (512, 512, 3, 3), (512,), (512,), (512, 256, 1, 1), (512,), (512,),
    *[shape for _ in range(2) for shape in ((512, 512, 3, 3), (512,), (512,))],
    (1000, 512), (1000,),
]  # fmt: skip
SHAPES: dict[str, list[tuple[int, ...]]] = {
    "1 x 25M": [(25_000_000,)],
    "60 x 200k": [(200_000,)] * 60,
    "160 x 20k": [(20_000,)] * 160,
    "300 x 1k": [(1_000,)] * 300,
    "ResNet-18": RESNET18,
}
BYTES_A_PARAMETER = 20
ROUNDS_AN_ALLOCATION = 5
OURS, DEFAULT, FUSED = "SGMP", "SGD", "SGD fused"
METHODS: dict[str, Callable[[list[torch.nn.Parameter]], torch.optim.Optimizer]] = {
    OURS: lambda params: SGMP(params, lr=1e-3, mass=GeometricDecay(9e-3, ratio=0.9999)),
    DEFAULT: lambda params: torch.optim.SGD(params, lr=1e-3, momentum=0.9),
    "SGD foreach": lambda params: torch.optim.SGD(params, lr=1e-3, momentum=0.9, foreach=True),
    FUSED: lambda params: torch.optim.SGD(params, lr=1e-3, momentum=0.9, fused=True),
    "AdamW fused": lambda params: torch.optim.AdamW(params, lr=1e-3, fused=True),
    "SGMP, mass lost": lambda params: SGMP(params, lr=1e-3),
    "SGD, no momentum, fused": lambda params: torch.optim.SGD(params, lr=1e-3, fused=True),
}


def seconds(function: Callable[[], object], repeats: int) -> float:
    """Mean time of one call over ``repeats`` in a row."""
    start = time.perf_counter()
    for _ in range(repeats):
        function()
    return (time.perf_counter() - start) / repeats


def bandwidth_probes(elements: int) -> dict[str, tuple[Callable[[], object], int]]:
    """Streams over arrays of the same size: name -> (function, bytes moved)."""
    a, b, c = (torch.rand(elements) for _ in range(3))
    return {
        "copy": (lambda: a.copy_(b), 8 * elements),
        "triad": (lambda: torch.add(a, b, alpha=0.5, out=c), 12 * elements),
        "update": (lambda: a.addcmul_(b, c, value=1e-6), 16 * elements),
    }


def measure(shapes: list[tuple[int, ...]], rounds: int) -> dict[str, list[float]]:
    """Seconds a step of every method, and bytes a second of every probe, once a round, in turn.

    What ran before decides what is in cache, and where a tensor lies in memory moves a step by a tenth: so the order is
    shuffled every round, and every few rounds all tensors are allocated anew.
    """
    elements = sum(torch.Size(shape).numel() for shape in shapes)
    repeats = max(1, round(2e6 / elements))
    shuffle = random.Random(0).shuffle
    order = [*METHODS, "copy", "triad", "update"]
    figures: dict[str, list[float]] = {name: [] for name in order}
    for first in range(0, rounds, ROUNDS_AN_ALLOCATION):
        shuffle(order)
        probes = bandwidth_probes(elements)
        steps = {name: stepper(METHODS[name], shapes) for name in order if name in METHODS}
        for round_number in range(-1, min(ROUNDS_AN_ALLOCATION, rounds - first)):
            shuffle(order)
            for name in order:
                if name in steps:
                    figure = seconds(steps[name], repeats)
                else:
                    stream, moved = probes[name]
                    figure = moved / seconds(stream, repeats)
                if round_number >= 0:  # the one before is to warm up
                    figures[name].append(figure)
        del probes, steps
    return figures


def stepper(
    build: Callable[[list[torch.nn.Parameter]], torch.optim.Optimizer], shapes: list[tuple[int, ...]]
) -> Callable[[], object]:
    """The step of a new optimiser of new parameters with fixed gradients."""
    generator = torch.Generator().manual_seed(0)
    params = [torch.nn.Parameter(torch.rand(shape, generator=generator)) for shape in shapes]
    for param in params:
        param.grad = 1e-3 * torch.rand(param.shape, generator=generator)
    return build(params).step


def summarize(figures: dict[str, list[float]], elements: int) -> dict[str, dict[str, float]]:
    """Median microseconds, and medians of the ratios within a round."""
    best = [max(rates) for rates in zip(figures["copy"], figures["triad"], figures["update"], strict=True)]
    rows = {}
    for name in METHODS:
        times = figures[name]
        rows[name] = {
            "microseconds": 1e6 * statistics.median(times),
            f"over {DEFAULT}": statistics.median(t / s for t, s in zip(times, figures[DEFAULT], strict=True)),
            f"over {FUSED}": statistics.median(t / s for t, s in zip(times, figures[FUSED], strict=True)),
        }
    for name in (OURS, FUSED):
        shares = [BYTES_A_PARAMETER * elements / t / rate for t, rate in zip(figures[name], best, strict=True)]
        rows[name]["of bandwidth"] = statistics.median(shares)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30, help="how often each method takes its turn")
    parser.add_argument("--threads", type=int, default=2, help="PyTorch's threads; have as many cores free")
    parser.add_argument("--out", type=Path, default=None, help="where to write every figure as JSON")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    results = {}
    for title, shapes in SHAPES.items():
        elements = sum(torch.Size(shape).numel() for shape in shapes)
        rows = summarize(measure(shapes, arguments.rounds), elements)
        results[title] = rows
        print(f"\n{title} ({elements / 1e6:.1f}M parameters in {len(shapes)} tensors)")
        print(f"  {'':24} {'median µs':>10} {'/ SGD':>7} {'/ fused':>8} {'of bandwidth':>13}")
        for name, row in rows.items():
            share = f"{row['of bandwidth']:13.2f}" if "of bandwidth" in row else ""
            ratios = f"{row[f'over {DEFAULT}']:7.2f} {row[f'over {FUSED}']:8.2f}"
            print(f"  {name:24} {row['microseconds']:10.0f} {ratios} {share}")
    if arguments.out is not None:
        environment = {
            "torch": torch.__version__, "python": platform.python_version(),
            "machine": platform.processor() or platform.machine(), "threads": arguments.threads,
            "rounds": arguments.rounds, "load": os.getloadavg(),
        }  # fmt: skip
        arguments.out.write_text(json.dumps({"environment": environment, "results": results}, indent=2) + "\n")


if __name__ == "__main__":
    main()
