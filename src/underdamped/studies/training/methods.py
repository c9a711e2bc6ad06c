"""The optimisers that the images study compares: four families, Table 1 of the paper, and what fairness adds to it."""

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import torch
from torch import Tensor

from underdamped import GeometricDecay, _checks, heavy_ball_to_sgmp
from underdamped.torch import SGMP


def _check_scheme(lr: float, mass: float, friction: float) -> None:
    _checks.positive(lr, "lr", "it is the step h of time, and at 0 nothing moves")
    _checks.non_negative(mass, "mass", "0 removes momentum, nothing lies below")
    _checks.positive(friction, "friction", "without friction the flow does not converge")


@dataclass(frozen=True)
class SGD:
    r"""Plain stochastic gradient descent, ``torch.optim.SGD``.

    Args:
        lr: learning rate $\eta > 0$.
    """

    family: ClassVar[str] = "SGD"
    lr: float = 0.1

    def __post_init__(self) -> None:
        _checks.positive(self.lr, "lr", "at 0 nothing is learnt")

    @property
    def name(self) -> str:
        """The method in the paper's notation."""
        return f"SGD η={self.lr:g}"

    def optimizer(self, params: Iterable[Tensor]) -> torch.optim.Optimizer:
        """The optimiser for these parameters."""
        return torch.optim.SGD(params, lr=self.lr)


@dataclass(frozen=True)
class Momentum:
    r"""Classical momentum (heavy ball), ``torch.optim.SGD(momentum=...)``; effective learning rate $\eta/(1-\rho)$.

    Args:
        lr: learning rate $\eta > 0$.
        momentum: $\rho \in [0, 1)$.
    """

    family: ClassVar[str] = "momentum"
    lr: float = 0.01
    momentum: float = 0.9

    def __post_init__(self) -> None:
        _checks.positive(self.lr, "lr", "at 0 nothing is learnt")
        _checks.fraction(self.momentum, "momentum", "at 1 the velocity is never forgotten")

    @property
    def name(self) -> str:
        """The method in the paper's notation."""
        return f"momentum η={self.lr:g} ρ={self.momentum:g}"

    def optimizer(self, params: Iterable[Tensor]) -> torch.optim.Optimizer:
        """The optimiser for these parameters."""
        return torch.optim.SGD(params, lr=self.lr, momentum=self.momentum)


@dataclass(frozen=True)
class HSGMP:
    r"""The scheme with constant mass, `underdamped.torch.SGMP`; effective learning rate $h/\alpha$.

    Args:
        lr: step size $h > 0$.
        mass: $m \ge 0$.
        friction: $\alpha > 0$.
    """

    family: ClassVar[str] = "hSGMP"
    lr: float = 0.1
    mass: float = 0.1
    friction: float = 1.0

    def __post_init__(self) -> None:
        _check_scheme(self.lr, self.mass, self.friction)

    @property
    def name(self) -> str:
        """The method in the paper's notation."""
        return f"hSGMP α={self.friction:g} m={self.mass:g} h={self.lr:g}"

    def optimizer(self, params: Iterable[Tensor]) -> torch.optim.Optimizer:
        """The optimiser for these parameters."""
        return SGMP(params, lr=self.lr, mass=self.mass, friction=self.friction)


@dataclass(frozen=True)
class DMSGMP:
    r"""The scheme with a mass that falls to 0, $m_k = m_0 r^k$ at iteration $k$; effective learning rate $h/\alpha$.

    Args:
        lr: step size $h > 0$.
        mass: first mass $m_0 \ge 0$.
        friction: $\alpha > 0$.
        ratio: $r \in [0, 1]$, what is left of the mass after each iteration.
    """

    family: ClassVar[str] = "dmSGMP"
    lr: float = 0.1
    mass: float = 0.9
    friction: float = 1.0
    ratio: float = 0.99

    def __post_init__(self) -> None:
        _check_scheme(self.lr, self.mass, self.friction)
        GeometricDecay(self.mass, self.ratio)  # its own checks

    @property
    def name(self) -> str:
        """The method in the paper's notation."""
        return f"dmSGMP α={self.friction:g} m={self.mass:g}·{self.ratio:g}ᵏ h={self.lr:g}"

    def optimizer(self, params: Iterable[Tensor]) -> torch.optim.Optimizer:
        """The optimiser for these parameters."""
        mass = GeometricDecay(self.mass, ratio=self.ratio)
        return SGMP(params, lr=self.lr, mass=mass, friction=self.friction)


Method: TypeAlias = SGD | Momentum | HSGMP | DMSGMP

FAMILIES: dict[str, type[Method]] = {kind.family: kind for kind in (SGD, Momentum, HSGMP, DMSGMP)}

TABLE_1: tuple[Method, ...] = (
    SGD(lr=0.01),
    Momentum(lr=0.01, momentum=0.9),
    HSGMP(friction=1, mass=0.1, lr=1),
    HSGMP(friction=10, mass=0.1, lr=1),
    HSGMP(friction=15, mass=0.1, lr=1),
    HSGMP(friction=10, mass=10, lr=1),
    HSGMP(friction=10, mass=1e-5, lr=1),
    HSGMP(friction=10, mass=0.1, lr=2),
    HSGMP(friction=10, mass=0.1, lr=0.1),
    DMSGMP(friction=10, mass=0.1, lr=1, ratio=0.995),
)
"""The rows of Table 1, in its order."""

FAIR: tuple[Method, ...] = (SGD(lr=0.1),)
"""What Table 1 lacks: plain SGD at 0.1, the effective learning rate of most of its SGMP rows."""

GROUPS: dict[str, tuple[Method, ...]] = {"table1": TABLE_1, "fair": FAIR}


def parse_methods(texts: Iterable[str]) -> tuple[Method, ...]:
    """Methods from their texts.

    A text is a family with its defaults (``"hSGMP"``) or with parameters (``"hSGMP:lr=1,mass=0.1,friction=10"``),
    ``"table1"`` for the rows of Table 1, or ``"fair"`` for what a fair comparison adds to them.

    Args:
        texts: at least one.

    Returns:
        The methods in order, each once.

    Raises:
        ValueError: If a name is unknown or a value out of range.

    Example:
        >>> parse_methods(["SGD", "hSGMP:mass=0.5"])
        (SGD(lr=0.1), HSGMP(lr=0.1, mass=0.5, friction=1.0))
        >>> len(parse_methods(["table1", "fair"]))
        11
    """
    methods = tuple(dict.fromkeys(method for text in texts for method in _parse(text)))
    if not methods:
        raise _checks.fail("methods", "at least one", (), _checks.suggestion("", [*FAMILIES, *GROUPS]))
    return methods


def spec(method: Method) -> str:
    """The text that `parse_methods` turns into ``method``.

    Example:
        >>> spec(Momentum())
        'momentum:lr=0.01,momentum=0.9'
    """
    values = (f"{field.name}={getattr(method, field.name)}" for field in dataclasses.fields(method))
    return f"{method.family}:{','.join(values)}"


def coefficients(optimizer: torch.optim.Optimizer) -> dict[str, float]:
    r"""What the optimiser's latest step used (its first, before any), in one language for every method.

    For ``torch.optim.SGD`` the mass is that of the same step written as SGMP with friction 1,
    $m = \eta\rho/(1-\rho)^2$, and ``learning_rate`` is its own $\eta$.

    Returns:
        ``learning_rate``, ``mass``, ``decay`` (the momentum factor) and ``effective_lr``.

    Example:
        >>> values = coefficients(Momentum().optimizer([torch.zeros(1, requires_grad=True)]))
        >>> {name: round(value, 12) for name, value in values.items()}
        {'learning_rate': 0.01, 'mass': 0.9, 'decay': 0.9, 'effective_lr': 0.1}
    """
    group: dict[str, Any] = optimizer.param_groups[0]
    lr = float(group["lr"])
    if isinstance(optimizer, SGMP):
        mass, decay, effective_lr = (float(group[name]) for name in ("mass", "decay", "effective_lr"))
    else:
        decay = float(group["momentum"])
        effective_lr, mass = heavy_ball_to_sgmp(lr, decay)  # with friction 1 the effective learning rate is the step
    return {"learning_rate": lr, "mass": mass, "decay": decay, "effective_lr": effective_lr}


def _parse(text: str) -> Iterator[Method]:
    name, _, parameters = text.partition(":")
    if name in GROUPS and not parameters:
        yield from GROUPS[name]
        return
    if name not in FAMILIES:
        raise ValueError(f"unknown method {text!r}: {_checks.suggestion(name, [*FAMILIES, *GROUPS])}")
    kind = FAMILIES[name]
    known = [field.name for field in dataclasses.fields(kind)]
    values: dict[str, float] = {}
    for parameter in filter(None, parameters.split(",")):
        key, _, value = parameter.partition("=")
        if key not in known:
            raise ValueError(f"unknown parameter {key!r} of {name}: {_checks.suggestion(key, known)}")
        values[key] = _number(value, key, text)
    yield kind(**values)


def _number(value: str, key: str, text: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise _checks.fail(key, "a number", value, f"write the method as in {spec(HSGMP())!r}, not {text!r}") from None
