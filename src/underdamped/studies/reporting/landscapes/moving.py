"""Paths to look at: three processes on one index path, and an ensemble as a film."""

import numpy as np
import polars as pl

from underdamped.studies.reporting.film import Cloud, film
from underdamped.studies.reporting.landscapes.words import listed, names_of, of, percent
from underdamped.studies.reporting.marks import Curve, Map, Points
from underdamped.studies.reporting.plots import Look, Panel
from underdamped.studies.reporting.report import Film, Picture, Section

_COLORS = {"path": "#ffffff", "goal": "#D55E00"}
_NEAR = 1.5  # of the global minimum, for what is said about the end of the film: half way to the next one


def section(records: pl.DataFrame) -> Section | None:
    """The picture and the film."""
    rows = of(records, "moving")
    if rows.is_empty():
        return None
    ground = rows.filter(pl.col("quantity") == "height").sort("y", "x")
    x, y = (np.array(ground[axis].unique(maintain_order=True).sort().to_list()) for axis in ("x", "y"))
    height = ground["value"].to_numpy().reshape(len(y), len(x))
    goal = rows.filter(pl.col("quantity") == "minimum").select("x", "y").row(0)
    ground_map = Map("log₁₀(1 + Φ − min Φ)", x, y, height)
    panels = []
    paths = rows.filter(pl.col("quantity") == "path")
    for name in names_of(paths, "series"):
        path = paths.filter(pl.col("series") == name).sort("value")
        curve = Curve("", Look(_COLORS["path"]), path["x"].to_numpy(), path["y"].to_numpy())
        minimum = Points("", Look(_COLORS["goal"]), [goal[0]], [goal[1]])
        xlim, ylim = (float(x[0]), float(x[-1])), (float(y[0]), float(y[-1]))
        panels.append(Panel(name, "q₁", "q₂", [ground_map, curve, minimum], xlim=xlim, ylim=ylim))
    problem = rows["problem"][0]
    caption = (
        f"The {problem} landscape, and one path of each process from the same start on the same index path: what "
        f"differs is "
        "the mass alone. The path is white; the orange point is the global minimum. Colours are the same in all panels."
    )
    return Section(
        "Momentum kept, lost, and absent", [Picture("paths", panels, caption), _film(rows, x, y, height, goal)]
    )


def _film(rows: pl.DataFrame, x: np.ndarray, y: np.ndarray, height: np.ndarray, goal: tuple[float, float]) -> Film:
    ensemble = rows.filter(pl.col("quantity") == "ensemble")
    times = sorted(ensemble["value"].unique().to_list())
    clouds, ends = [], []
    for name in names_of(ensemble, "series"):
        one = (
            ensemble.filter(pl.col("series") == name).with_columns(pl.col("note").cast(pl.Int64)).sort("value", "note")
        )
        positions = one.select("x", "y").to_numpy().reshape(len(times), -1, 2)
        clouds.append(Cloud(name, x, y, height, positions, goal))
        near = np.linalg.norm(positions[-1] - np.array(goal), axis=-1) < _NEAR
        ends.append(f"{percent(float(near.mean()))} with {name}")
    gif, still = film(clouds, [f"time t = {time:.0f} α/L" for time in times])
    told = f"At the end {listed(ends)} are within {_NEAR:g} of the global minimum."
    alt = (
        f"Two clouds of {clouds[0].positions.shape[1]} points on the same landscape, from the same starts. On the "
        f"left they "
        f"keep their mass, on the right they lose it. {told}"
    )
    caption = (
        f"{clouds[0].positions.shape[1]} paths with the same starts and index paths, mass kept on the left and lost "
        f"on the "
        f"right; the cross is the global minimum. {told} (A film; its last picture where motion is unwanted.)"
    )
    return Film("ensemble", gif, still, alt, caption)
