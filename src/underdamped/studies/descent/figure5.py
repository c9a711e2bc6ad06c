"""Fig. 5: many random problems side by side, each kept when it is done, and their means and standard deviations."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from underdamped import Constant, GeometricDecay
from underdamped.studies.data.progress import progress_bar
from underdamped.studies.descent.quadratics import Scheme, Shape, distances, random_problem, unstable_steps
from underdamped.studies.descent.rows import Row, mean_with_interval, row
from underdamped.studies.runs.files import write_atomically
from underdamped.studies.training.workers import side_by_side

EXPERIMENT = "Fig. 5"
_PROBLEM, _BATCHES = 0, 1  # purposes of random streams: they enter the seed


@dataclass(frozen=True)
class Settings:
    r"""What is run on every problem.

    Attributes:
        shape: law of the problems.
        num_steps: steps.
        batch_size: $\ell$.
        friction: $\alpha$ of SGMP.
        masses: $m$, or $m_0$ where it decreases.
        ratios: $r$ of $m_k = m_0 r^k$.
        factor: multiplies the step rule.
        seed: of everything.
    """

    shape: Shape
    num_steps: int
    batch_size: int
    friction: float
    masses: tuple[float, ...]
    ratios: tuple[float, ...]
    factor: float
    seed: int

    def schemes(self) -> list[tuple[str, Scheme]]:
        """All methods, each with the panel it belongs to; SGD belongs to all."""
        constant = [("constant", Scheme(f"hSGMP m={m:g}", Constant(m), self.friction)) for m in self.masses]
        falling = [
            (f"r={r:g}", Scheme(f"dmSGMP m₀={m:g}", GeometricDecay(m, r), self.friction))
            for r in self.ratios
            for m in self.masses
        ]
        return [("", Scheme("SGD", Constant(0.0), 1.0)), *constant, *falling]


def figure5(settings: Settings, num_problems: int, folder: Path, workers: int) -> list[Row]:
    """Run all problems that are not in ``folder`` yet, and sum up.

    A problem is a function of the seed and its number, so neither the number of workers nor an interruption changes it.

    Args:
        settings: what is run.
        num_problems: how many problems.
        folder: where each finished problem is kept.
        workers: processes, each with one thread and one problem's matrices in memory.

    Returns:
        Rows for every method and step.
    """
    missing = [number for number in range(num_problems) if not _file(folder, number).is_file()]
    work = partial(_work, settings, folder)
    done = num_problems - len(missing)
    with progress_bar("Fig. 5, problems", num_problems, done=done) as advance:
        for _ in side_by_side(work, missing, min(workers, len(missing))) if missing else ():
            advance(1)
    found = np.stack([np.load(_file(folder, number)) for number in range(num_problems)])
    return summarize(settings, found)


def run_problem(settings: Settings, number: int) -> np.ndarray:
    """Distances to the minimiser on one problem, (num_steps + 1, methods)."""
    with threadpool_limits(1):  # workers side by side: more threads would only get in each other's way
        return distances(
            random_problem(settings.shape, np.random.default_rng([settings.seed, number, _PROBLEM])),
            [scheme for _, scheme in settings.schemes()],
            np.random.default_rng([settings.seed, number, _BATCHES]),
            num_steps=settings.num_steps,
            batch_size=settings.batch_size,
            highest=settings.shape.highest,
            factor=settings.factor,
        )


def summarize(settings: Settings, found: np.ndarray) -> list[Row]:
    """Rows for distances (problems, num_steps + 1, methods)."""
    rows: list[Row] = []
    for place, (panel, scheme) in enumerate(settings.schemes()):
        add = partial(row, EXPERIMENT, scheme.name, setting=panel)
        for n, values in enumerate(found[:, :, place].T):
            mean, interval = mean_with_interval(values)
            rows.append(add("distance", mean, x=n, interval=interval))
            with np.errstate(invalid="ignore"):
                rows.append(add("distance sd", values.std(ddof=1) if len(values) > 1 else np.nan, x=n))
        rows += [add("final distance", value, x=number) for number, value in enumerate(found[:, -1, place])]
        if scheme.name != "SGD":  # on the same problems and batches: the ratio is far surer than either
            with np.errstate(invalid="ignore", divide="ignore"):
                ratio, interval = mean_with_interval(found[:, -1, place] / found[:, -1, 0], geometric=True)
            rows.append(add("final distance / SGD's", ratio, interval=interval))
        unstable = unstable_steps(scheme, settings.shape.highest, settings.num_steps, settings.factor)
        rows.append(add("unstable steps", unstable))
    return rows


def _file(folder: Path, number: int) -> Path:
    return folder / f"problem_{number:04d}.npy"


def _work(settings: Settings, folder: Path, worker: int, number: int, send: Any) -> None:
    del worker
    found = io.BytesIO()
    np.save(found, run_problem(settings, number))
    write_atomically(_file(folder, number), found.getvalue())
    send(number)


def warnings_of(settings: Settings) -> Sequence[str]:
    """Assumptions that the steps do not meet, in words; empty if they do."""
    beyond = {
        f"{scheme.name}{f', {panel}' if panel.startswith('r') else ''}": count
        for panel, scheme in settings.schemes()
        if (count := unstable_steps(scheme, settings.shape.highest, settings.num_steps, settings.factor))
    }
    return [
        f"{EXPERIMENT}: the first {count} of {settings.num_steps} steps of {name} are not below the stability limit of "
        f"curvature {settings.shape.highest:g}."
        for name, count in beyond.items()
    ]
