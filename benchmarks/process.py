"""How many switches a second the process is simulated with, side by side with what one would write without it.

Measured: wall time of a call that returns positions and velocities of M independent paths at 50 saved times, in one
process on all its cores, compilation apart (the first call, its own column). Repeats are interleaved: every contender
runs once, then every one again, and medians are compared, so that a slow phase of the machine hits all alike. Events
are redraws of the index, M * rate * T; contenders that are slow get fewer paths.

Accuracy, so that no speed is bought with error: "path error" is the root mean square change of up to 256 paths, driven
by the same switches, when the step is cut to a quarter, of itself or of the mean time between switches if that is
shorter (largest over the saved times; "exact" where there is no step); "z" is the largest deviation of a mean or a
variance in standard errors over the second half of the saved times, for quadratics from the exact moments, otherwise
from a Runge-Kutta run of other paths at a finer step. It is the largest of hundreds of numbers, so up to 4.5 is chance,
and with only some hundreds of paths heavy tails make it larger.

"ours faster" compares a peer with the fastest row of ours whose path error is no larger than the peer's (errors below
the rounding of float32 count as equal); NumPy's, which is not measured, with our most accurate one.

Memory that was freed is kept (with glibc), so that everybody writes to warm pages: on virtual machines fresh ones can
cost more than the simulation, and who gets them is chance.

Memory: the peak resident set of a fresh process that makes 10^6 paths of W1 and keeps their means and covariances only,
JAX, its compiler and everything else included.

On a machine that does other work, compare CPU time on one core: taskset -c 0 with --cpu, ratios only.

Run: python benchmarks/process.py [--quick] [--json FILE] [--only W1,W3] [--cpu]
"""

import argparse
import ctypes
import json
import math
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import process_peers as peers
from process_workloads import RIDGE, Workload, logistic, quadratic, styblinski

Run = Callable[[int, int, float], tuple[np.ndarray, np.ndarray]]
"""Number of paths, seed and step to positions and velocities, (M, T, K) each."""


ROUNDING = 1e-6
"""Path errors below it are those of float32 after thousands of steps, and count as equal."""


@dataclass(frozen=True)
class Contender:
    """One row of the table. ``step`` 0 stands for exact; ``most_events`` bounds its share of the workload's paths."""

    name: str
    run: Run
    step: float = 0.0
    most_events: float = math.inf

    def paths(self, wanted: int, workload: Workload) -> int:
        """How many of the wanted paths it runs."""
        return max(16, round(min(wanted, self.most_events / (workload.rate * workload.horizon))))


@dataclass
class Result:
    """What was measured of one contender on one workload."""

    workload: str
    contender: str
    num_paths: int
    step: float
    first_call_seconds: float
    seconds: list[float]
    million_events_per_second: float
    path_error: float
    z: float
    ours_is_faster_by: float = math.nan


def ours(workload: Workload, flow: Callable[[float], Any]) -> Run:
    """This package, as a user calls it."""
    from underdamped.process import FiniteSum, Quadratic, UniformSwitching, simulate_ensemble

    match workload.kind:
        case "quadratic":
            A = workload.arrays["A"]
            target = Quadratic(A[:, :, 0] if workload.dimension == 1 else A, workload.arrays["b"])
        case "logistic":
            target = FiniteSum(
                lambda q, x: jax.nn.softplus(-(x @ q)) + RIDGE / 2 * (q @ q), jnp.asarray(workload.arrays["x"])
            )
        case _:
            target = FiniteSum(
                lambda q, tilt: jnp.sum(0.5 * (q**4 - 16 * q**2 + 5 * q) + tilt * q),
                jnp.asarray(workload.arrays["tilt"]),
            )
    index = UniformSwitching(workload.num_components, workload.rate)

    def run(num_paths: int, seed: int, step: float) -> tuple[np.ndarray, np.ndarray]:
        ensemble = simulate_ensemble(
            target,
            index,
            mass=workload.mass,
            friction=workload.friction,
            position=workload.position,
            times=workload.times,
            key=jax.random.key(seed),
            flow=flow(step),
            num_paths=num_paths,
            progress=False,
        )
        assert ensemble.position is not None
        assert ensemble.velocity is not None
        return ensemble.position, ensemble.velocity

    return run


def contenders(workload: Workload) -> list[Contender]:
    """Ours first. Steps were chosen by hand, ours such that each of diffrax's errors is reached by one row of ours."""
    from underdamped.process import Exact, RungeKutta4, Splitting

    def peer(function: Callable[..., np.ndarray]) -> Run:
        def run(num_paths: int, seed: int, step: float) -> tuple[np.ndarray, np.ndarray]:
            states = function(workload, num_paths, seed, step)
            return states[..., : workload.dimension], states[..., workload.dimension :]

        return run

    if workload.kind == "quadratic":
        return [
            Contender("ours, Exact", ours(workload, lambda _: Exact())),
            Contender("numba, exact formula", peer(peers.numba_by_hand)),
            Contender("numpy, exact formula", peer(peers.numpy_by_hand), most_events=2e6),
            Contender("diffrax step in scan, Tsit5", peer(peers.diffrax_scan), 0.15, 4e5),
            Contender("diffrax diffeqsolve, jump_ts", peer(peers.diffrax_solve), 1e-4, 1e5),
        ]

    def splitting(order: int) -> Run:
        return ours(workload, lambda step: Splitting(step, order))

    if workload.kind == "styblinski":
        return [
            Contender("ours, Splitting 4", splitting(4), 0.07),
            Contender("numba, Runge-Kutta 4", peer(peers.numba_by_hand), 0.014),
            Contender("numpy, Runge-Kutta 4", peer(peers.numpy_by_hand), 0.014, 1e6),
            Contender("diffrax step in scan, Tsit5", peer(peers.diffrax_scan), 0.05, 4e5),
            Contender("diffrax diffeqsolve, jump_ts", peer(peers.diffrax_solve), 1e-4, 1e5),
        ]
    # Ours twice: as accurate as the fast peer of diffrax, and as the accurate ones.
    fast, fine, step = (0.05, 0.0225, 0.025) if workload.rate <= 10 else (0.1, 0.0125, 0.0125)
    return [
        Contender("ours, Splitting 2", splitting(2), fast),
        Contender("ours, RungeKutta4", ours(workload, RungeKutta4), fine),
        Contender("numba, Runge-Kutta 4", peer(peers.numba_by_hand), step),
        Contender("numpy, Runge-Kutta 4", peer(peers.numpy_by_hand), step, 1e6),
        Contender("diffrax step in scan, Heun", peer(peers.diffrax_scan_heun), 0.05, 4e5),
        Contender("diffrax diffeqsolve, jump_ts", peer(peers.diffrax_solve), 1e-4, 1e5),
    ]


def reference(workload: Workload) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Means and variances (T, 2K) with their standard errors."""
    if workload.kind == "quadratic":
        from underdamped.process import Quadratic, UniformSwitching
        from underdamped.process.moments import exact_moments

        mean, cov = exact_moments(
            Quadratic(workload.arrays["A"], workload.arrays["b"]),
            UniformSwitching(workload.num_components, workload.rate),
            mass=workload.mass,
            friction=workload.friction,
            position=workload.position,
            times=workload.times,
        )
        variance = np.einsum("tkk->tk", cov)
        return mean, variance, np.zeros_like(mean), np.zeros_like(mean)
    num_paths = min(20_000, round(2e7 / (workload.rate * workload.horizon)))
    return estimate(peers.numba_by_hand(workload, num_paths, 10**6, 0.01))


def estimate(states: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Means and variances over the paths, with standard errors."""
    root = math.sqrt(len(states))
    mean = states.mean(axis=0, dtype=np.float64)
    squares = (states - mean) ** 2
    return mean, squares.mean(axis=0), states.std(axis=0) / root, squares.std(axis=0) / root


def deviation(states: np.ndarray, expected: tuple[np.ndarray, ...]) -> float:
    """Largest |z| of means and variances."""
    mean, variance, mean_error, variance_error = estimate(states)
    mean_, variance_, mean_error_, variance_error_ = expected
    late = slice(len(mean) // 2, None)  # earlier, few paths have switched and no number is normal
    return float(
        max(
            np.max((np.abs(mean - mean_) / np.hypot(mean_error, mean_error_))[late]),
            np.max((np.abs(variance - variance_) / np.hypot(variance_error, variance_error_))[late]),
        )
    )


def path_error(contender: Contender, workload: Workload, num_paths: int) -> float:
    """Root mean square change of the paths when the step is cut; 0 for exact flows."""
    if contender.step == 0:
        return 0.0
    if "numpy" in contender.name:
        return math.nan  # one stream for all paths: another step is other switches; the formulas are those of numba
    fine = min(contender.step, 1 / workload.rate) / 4
    rough, better = (contender.run(num_paths, 5, step)[0] for step in (contender.step, fine))
    return float(np.max(np.sqrt(np.mean((rough.astype(np.float64) - better) ** 2, axis=(0, 2)))))


def measure(workload: Workload, repeats: int, clock: Callable[[], float]) -> list[Result]:
    """All contenders on one workload, repeats interleaved; ``clock`` gives seconds, of wall or CPU time."""
    expected = reference(workload)
    results, rows = [], contenders(workload)
    for row in rows:
        paths = row.paths(workload.num_paths, workload)
        began = clock()
        states = row.run(paths, 1, row.step)
        first = clock() - began
        states = np.concatenate(states, axis=-1)
        results.append(
            Result(
                workload=workload.name,
                contender=row.name,
                num_paths=paths,
                step=row.step,
                first_call_seconds=first,
                seconds=[],
                million_events_per_second=math.nan,
                path_error=path_error(row, workload, min(paths, 256)),
                z=deviation(states, expected),
            )
        )
        row.run(paths, 1, row.step)  # the path error may have evicted what was compiled
    for repeat in range(repeats):
        for row, result in zip(rows, results, strict=True):
            began = clock()
            row.run(result.num_paths, 2 + repeat, row.step)
            result.seconds.append(clock() - began)
    for result in results:
        events = result.num_paths * workload.rate * workload.horizon
        result.million_events_per_second = events / statistics.median(result.seconds) / 1e6
    for result in results:
        result.ours_is_faster_by = advantage(result, [one for one in results if one.contender.startswith("ours")])
    return results


def advantage(result: Result, of_ours: list[Result]) -> float:
    """How many times faster our fastest row is that is as accurate; NaN if none is."""
    if math.isnan(result.path_error):
        as_accurate = [min(of_ours, key=lambda one: one.path_error)]
    else:
        as_accurate = [one for one in of_ours if one.path_error <= max(result.path_error, ROUNDING)]
    speeds = [one.million_events_per_second for one in as_accurate]
    return max(speeds, default=math.nan) / result.million_events_per_second


def peak_memory(num_paths: int) -> dict[str, float]:
    """Peak resident set, in MiB, of a fresh process that gathers means and covariances of so many paths of W1."""
    subprocess.run([sys.executable, __file__, "--statistics-of", str(num_paths)], check=True)
    kilobytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return {"num_paths": num_paths, "peak_mebibytes": kilobytes / 1024}


def gather_statistics(num_paths: int) -> None:
    """What the fresh process does."""
    from underdamped.process import Exact, Quadratic, UniformSwitching, simulate_ensemble

    workload = quadratic(1, num_paths)
    simulate_ensemble(
        Quadratic(workload.arrays["A"][:, :, 0], workload.arrays["b"]),
        UniformSwitching(workload.num_components, workload.rate),
        mass=workload.mass,
        friction=workload.friction,
        position=workload.position,
        times=workload.times,
        key=jax.random.key(0),
        flow=Exact(),
        num_paths=num_paths,
        statistics=("mean", "cov"),
        progress=False,
    )


def table(results: list[Result]) -> str:
    """The results for reading."""
    lines = [
        f"{'workload':<14}{'contender':<30}{'paths':>8}{'step':>8}{'first call':>11}{'median':>10}"
        f"{'M events/s':>12}{'ours faster':>12}{'path error':>12}{'z':>6}"
    ]
    for r in results:
        error = "exact" if r.path_error == 0 else "-" if math.isnan(r.path_error) else f"{r.path_error:.1e}"
        lines.append(
            f"{r.workload:<14}{r.contender:<30}{r.num_paths:>8}{r.step or '-':>8}{r.first_call_seconds:>10.2f}s"
            f"{statistics.median(r.seconds):>9.3f}s{r.million_events_per_second:>12.3f}{r.ours_is_faster_by:>11.1f}x"
            f"{error:>12}{r.z:>6.1f}"
        )
    return "\n".join(lines)


def keep_freed_memory() -> None:
    """Let glibc neither map nor trim; other C libraries are left as they are."""
    glibc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if glibc is not None and hasattr(glibc, "mallopt"):
        trim_threshold, most_mapped = -1, -4  # names of options, from malloc.h
        glibc.mallopt(most_mapped, 0)
        glibc.mallopt(trim_threshold, 2**31 - 1)


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument(
        "--quick", action="store_true", help="few paths, two repeats, without W2-1000: shows that it runs"
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default="", help="names of workloads to run, separated by commas")
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    parser.add_argument("--cpu", action="store_true", help="measure CPU time instead of wall time; see above")
    parser.add_argument("--statistics-of", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.statistics_of:
        gather_statistics(options.statistics_of)
        return
    clock = time.process_time if options.cpu else time.perf_counter
    scale = 0.02 if options.quick else 1.0
    makers: dict[str, Callable[[], Workload]] = {
        "W1-1000": lambda: quadratic(1, round(1_000 * scale)),
        "W1-10000": lambda: quadratic(1, round(10_000 * scale)),
        "W1": lambda: quadratic(1, round(100_000 * scale)),
        "W1x10": lambda: quadratic(10, round(20_000 * scale)),
        "W2-10": lambda: logistic(10.0, round(20_000 * scale)),
        "W2-100": lambda: logistic(100.0, round(10_000 * scale)),
        "W2-1000": lambda: logistic(1000.0, round(2_500 * scale)),
        "W3": lambda: styblinski(round(10_000 * scale)),
    }
    keep_freed_memory()
    names = options.only.split(",") if options.only else [n for n in makers if not (options.quick and n == "W2-1000")]
    if unknown := set(names) - set(makers) - {"memory"}:
        parser.error(f"unknown workload {', '.join(sorted(unknown))}: choose from {', '.join(makers)}, memory")
    environment = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": peers.CORES,
        "devices": [str(device) for device in jax.local_devices()],
        **{name: version(name) for name in ("jax", "diffrax", "numba", "numpy")},
    }
    print(", ".join(f"{name} {value}" for name, value in environment.items()), flush=True)
    results: list[Result] = []
    memory = peak_memory(round(1_000_000 * scale)) if "memory" in names or not options.only else None
    if memory:
        print(f"{memory['num_paths']} paths, statistics only: at most {memory['peak_mebibytes']:.0f} MiB", flush=True)
    for name in names:
        if name == "memory":
            continue
        measured = measure(replace(makers[name](), name=name), 2 if options.quick else options.repeats, clock)
        print(table(measured), flush=True)
        results += measured
    if options.json:
        record = {
            "environment": environment,
            "clock": "cpu" if options.cpu else "wall",
            "memory": memory,
            "results": [asdict(result) for result in results],
        }
        options.json.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
