"""The methods that are compared: optax's and ours, each with the settings it is tuned over."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import optax
from jax import Array
from scipy.stats import qmc

from underdamped import mass_from_decay
from underdamped.optax import sgmp

Settings: TypeAlias = Mapping[str, Any]
"""Values by name, numbers or arrays of one length: ``step`` and ``lr`` in units of 1/L, ``temperature`` of L."""


@dataclass(frozen=True, eq=False)  # equal only to itself: what a compiled loop is remembered by
class Method:
    r"""A method and what may be chosen about it.

    Attributes:
        name: for people.
        ranges: lowest and highest value of each setting; tuning draws logarithms uniformly between them.
        transform: (settings, curvature L, steps of a run) -> optax transformation.
        temperature: (settings, share of the run that is done) -> temperature in units of L, for Langevin noise in the
            gradient; None for methods whose only noise is the batch.
    """

    name: str
    ranges: Mapping[str, tuple[float, float]]
    transform: Callable[[Settings, Any, int], optax.GradientTransformation]
    temperature: Callable[[Settings, Array], Any] | None = None

    def draw(self, number: int, seed: int | Sequence[int]) -> dict[str, np.ndarray]:
        """``number`` settings, spread evenly over the logarithms of the ranges: the same number for every method.

        Args:
            number: of settings.
            seed: of the Halton sequence's scrambling, one number or several.

        Returns:
            Arrays (number,) by name.

        Example:
            >>> {name: values.shape for name, values in METHODS["SGD"].draw(16, seed=0).items()}
            {'lr': (16,)}
        """
        points = qmc.Halton(len(self.ranges), rng=np.random.default_rng(seed)).random(number)
        low, high = np.log(np.array(list(self.ranges.values()))).T
        values = np.exp(low + points * (high - low))
        return dict(zip(self.ranges, values.T, strict=True))


def sgmp_transform(settings: Settings, curvature: Any, steps: int) -> optax.GradientTransformation:
    r"""SGMP at friction 1 with the ``step`` $hL$, the share ``lost`` of the velocity in the first step, and ``left``.

    The mass is $m_0 r^k$ with $m_0 = h (1 - \text{lost})/\text{lost}$, and $r$ such that of it the share ``left`` (all,
    if not given) is left at the end of the run.
    """
    h = settings["step"] / curvature
    initial = mass_from_decay(1 - settings["lost"], h)
    left = settings.get("left", 1.0)
    return sgmp(h, lambda k: initial * left ** (k / steps))


def _sgd(settings: Settings, curvature: Any, steps: int) -> optax.GradientTransformation:
    del steps
    return optax.sgd(settings["lr"] / curvature)


def _cooled_sgd(settings: Settings, curvature: Any, steps: int) -> optax.GradientTransformation:
    return optax.sgd(lambda k: settings["lr"] / curvature * settings["left"] ** (k / steps))


def _momentum(settings: Settings, curvature: Any, steps: int) -> optax.GradientTransformation:
    del steps
    return optax.sgd(settings["step"] * settings["lost"] / curvature, momentum=1 - settings["lost"])


def _cooled_momentum(settings: Settings, curvature: Any, steps: int) -> optax.GradientTransformation:
    lr = settings["step"] * settings["lost"] / curvature
    return optax.sgd(lambda k: lr * settings["left"] ** (k / steps), momentum=1 - settings["lost"])


def _adam(settings: Settings, curvature: Any, steps: int) -> optax.GradientTransformation:
    del curvature, steps
    return optax.adam(settings["length"], b1=1 - settings["lost"])


# One range of steps for all methods with momentum, and all that is left at the end of those that lose something: so
# that a method that keeps it lies at the edge of one that loses it, and neither is helped by its ranges.
_LR, _STEP, _LOST, _LEFT, _TEMPERATURE = (0.02, 4.0), (0.02, 20.0), (0.003, 0.5), (1e-4, 1.0), (1e-3, 0.5)

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method("SGD", {"lr": _LR}, _sgd),
        Method("SGD, falling rate", {"lr": _LR, "left": _LEFT}, _cooled_sgd),
        Method("momentum", {"step": _STEP, "lost": _LOST}, _momentum),
        Method("momentum, falling rate", {"step": _STEP, "lost": _LOST, "left": _LEFT}, _cooled_momentum),
        Method("dmSGMP", {"step": _STEP, "lost": _LOST, "left": _LEFT}, sgmp_transform),
        Method("Adam", {"length": (3e-3, 3.0), "lost": _LOST}, _adam),
        Method("SGHMC", {"step": _STEP, "lost": _LOST, "temperature": _TEMPERATURE}, sgmp_transform,
               lambda settings, done: settings["temperature"] + 0 * done),
        Method("SGHMC, annealed", {"step": _STEP, "lost": _LOST, "temperature": _TEMPERATURE}, sgmp_transform,
               lambda settings, done: settings["temperature"] * (1 - done)),
    )
}  # fmt: skip
"""The methods by name. ``momentum`` is classical momentum and hSGMP in one: they are the same steps, with lr = h·lost.

``lost`` is the share of the velocity that a step loses, 1 minus the momentum factor, at the start where it changes;
``left`` the share of the mass (or rate) that is left at the end; ``length`` is Adam's step, a length.
"""
