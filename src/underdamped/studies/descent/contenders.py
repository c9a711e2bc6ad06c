"""The methods that are compared on real data: how each is built, its step by rule (38), and its grid for tuning.

Every method's grid has ``GRID_SIZE`` points. The step is always the *effective* learning rate: h/α for SGMP and
η/(1 - ρ) for momentum, so that the same number means the same speed in the long run.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from optax import contrib

from underdamped.optax import sgmp
from underdamped.studies.descent.averaging import polyak_average

LARGEST_FADE = 100.0
"""The decreasing steps end at 1/101 of the first."""
DMSGMP_MASS = 9.0
"""First mass of dmSGMP, in units of 1/L."""
MASS_LEFT = 0.01
"""Share of the first mass that dmSGMP has left at the time that tuning chooses."""

# Of the rule's step; 1 is one of them. They reach far up: the rule takes the worst component, and the mean of many may
# bear steps that are hundreds of times larger.
_FACTORS = np.geomspace(0.1, 1000.0, 9)
_FINE_FACTORS = np.geomspace(0.1, 1000.0, 18)
_ADAM_STEPS = np.geomspace(1e-4, 1.0, 9)  # Adam's updates do not scale with the gradient: the rule says nothing
GRID_SIZE = 36


class Setting(NamedTuple):
    r"""One way to run a method; every entry a number or an array with one entry a run.

    Attributes:
        step: effective learning rate at the first step, in units of 1/curvature (Adam: of position).
        fade: $c$ in $h_n = h_0/(1 + c\,n/T)$, T the steps of the run; 0 is a constant step.
        own: the parameter that this method has and others have not; see ``Contender.own``.
    """

    step: Any
    fade: Any
    own: Any


class Context(NamedTuple):
    r"""What building a method may use beside its setting.

    Attributes:
        rule: $1/L$, the effective learning rate of rule (38).
        num_steps: T.
    """

    rule: float
    num_steps: int


def _iterate(state: Any, position: jax.Array) -> jax.Array:
    del state
    return position


def _average(state: Any, position: jax.Array) -> jax.Array:
    del position
    return state.average


@dataclass(frozen=True)
class Contender:
    """A method.

    Attributes:
        name: in plots and tables.
        own: what ``Setting.own`` means, in words; empty if the method has no parameter of its own.
        build: from setting and context to the optax transformation; numbers may be traced.
        by_rule: the setting by rule (38), parameters of its own at their usual values.
        grid: settings to choose from.
        answer: from state and iterate to the point that is judged.
    """

    name: str
    own: str
    build: Callable[[Setting, Context], optax.GradientTransformation]
    by_rule: Callable[[Context], Setting]
    grid: Callable[[Context], list[Setting]]
    answer: Callable[[Any, jax.Array], jax.Array] = _iterate


def _steps(setting: Setting, context: Context, factor: Any = 1.0) -> Callable[[Any], Any]:
    return lambda count: factor * setting.step / (1.0 + setting.fade * count / context.num_steps)


def _sgd(setting: Setting, context: Context) -> optax.GradientTransformation:
    return optax.sgd(_steps(setting, context))


def _momentum(setting: Setting, context: Context) -> optax.GradientTransformation:
    return optax.sgd(_steps(setting, context, 1.0 - setting.own), momentum=setting.own)


def _nesterov(setting: Setting, context: Context) -> optax.GradientTransformation:
    return optax.sgd(_steps(setting, context, 1.0 - setting.own), momentum=setting.own, nesterov=True)


def _adamw(setting: Setting, context: Context) -> optax.GradientTransformation:
    return optax.adamw(_steps(setting, context), b2=setting.own, weight_decay=0.0)


def _polyak(setting: Setting, context: Context) -> optax.GradientTransformation:
    return polyak_average(_sgd(setting, context), start=setting.own * context.num_steps)


def _schedule_free(setting: Setting, context: Context) -> optax.GradientTransformation:
    return contrib.schedule_free(_sgd(setting, context), _steps(setting, context), b1=setting.own)


def _hsgmp(setting: Setting, context: Context) -> optax.GradientTransformation:
    mass = setting.own * context.rule
    return sgmp(_steps(setting, context), mass=lambda count: mass + 0.0 * count)


def _dmsgmp(setting: Setting, context: Context) -> optax.GradientTransformation:
    first = DMSGMP_MASS * context.rule
    return sgmp(
        _steps(setting, context), mass=lambda count: first * MASS_LEFT ** (count / (setting.own * context.num_steps))
    )


def _rule(own: float) -> Callable[[Context], Setting]:
    return lambda context: Setting(context.rule, 0.0, own)


def _grid(
    factors: Iterable[float], own: Iterable[float], fades: Iterable[float] = (0.0, LARGEST_FADE)
) -> Callable[[Context], list[Setting]]:
    return lambda context: [Setting(f * context.rule, fade, o) for f, fade, o in product(factors, fades, own)]


CONTENDERS: tuple[Contender, ...] = (
    Contender("SGD", "", _sgd, _rule(0.0), _grid(_FINE_FACTORS, [0.0])),
    Contender("hSGMP", "m·L", _hsgmp, _rule(9.0), _grid(_FACTORS, [1.0, 9.0])),
    Contender("dmSGMP", "1 % of mass left at", _dmsgmp, _rule(0.5), _grid(_FACTORS, [0.1, 0.5])),
    Contender("classical momentum", "ρ", _momentum, _rule(0.9), _grid(_FACTORS, [0.5, 0.9])),
    Contender("Nesterov", "ρ", _nesterov, _rule(0.9), _grid(_FACTORS, [0.5, 0.9])),
    Contender(
        "AdamW",
        "β₂",
        _adamw,
        lambda _: Setting(1e-3, 0.0, 0.999),
        lambda _: [Setting(*s) for s in product(_ADAM_STEPS, (0.0, LARGEST_FADE), (0.99, 0.999))],
    ),
    Contender("Polyak averaging", "average from", _polyak, _rule(0.5), _grid(_FACTORS, [0.0, 0.5]), _average),
    Contender(
        "Schedule-Free SGD",
        "β₁",
        _schedule_free,
        _rule(0.9),
        _grid(_FACTORS, [0.5, 0.9, 0.95, 0.98], [0.0]),
        contrib.schedule_free_eval_params,
    ),
)
"""All of them. SGMP has friction 1. At the rule's step the mass 9/L keeps 0.9 of the velocity, 1/L one half."""


def stacked(settings: Iterable[Setting]) -> Setting:
    """Settings as one, with an array in each entry.

    Example:
        >>> stacked([Setting(0.25, 0.0, 0.9), Setting(0.5, 0.0, 0.9)]).step.tolist()
        [0.25, 0.5]
    """
    return Setting(*(jnp.asarray(column, float) for column in zip(*settings, strict=True)))
