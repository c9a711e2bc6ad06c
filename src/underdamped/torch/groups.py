"""The options of one parameter group: checked when given, turned into the coefficients of the present step."""

import difflib
import math
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from underdamped import _checks
from underdamped.coefficients import StepCoefficients, semi_implicit_euler
from underdamped.schedules import Schedule, never_increases

Group = dict[str, Any]

_LR = "it is a step of time; `maximize=True` ascends"
_MASS = "0 removes momentum, nothing lies below"
_FRICTION = "without friction the flow does not converge"
_WEIGHT_DECAY = "it pulls towards 0, never away"
_MOMENTUM = "it is the share m/(m + friction lr) of the velocity that survives a step"


@dataclass(frozen=True)
class Odds:
    """A mass in proportion to the step: ``mass = friction * lr * initial * decay(step)``.

    So ``initial * decay`` are the odds rho/(1 - rho) of the momentum factor rho, whatever the learning rate does.

    Attributes:
        initial: odds at step 0.
        decay: what multiplies them, 1 at step 0.
    """

    initial: float
    decay: Schedule

    def __call__(self, step: int) -> float:
        """The odds at ``step``."""
        return self.initial * self.decay(step)


def checked(options: Group) -> Group:
    """The options with plain numbers, or a TypeError or ValueError for one out of range or two that contradict."""
    lr = options["lr"]
    if isinstance(lr, Tensor) and lr.numel() != 1:
        raise _checks.fail("lr", "a number or a one-element tensor", tuple(lr.shape), "groups can each have their own")
    number = _checks.non_negative(lr.item() if isinstance(lr, Tensor) else lr, "lr", _LR)
    momentum = options["momentum"]
    if options["fused"] and options["foreach"]:
        raise ValueError("`fused` and `foreach` cannot both be True: leave one at None.")
    if options["fused"] and options["differentiable"]:
        raise ValueError("`fused` must not be True with `differentiable`: the fused kernel has no derivative.")
    return {
        **options,
        "lr": lr if isinstance(lr, Tensor) else number,
        "mass": _checks.non_negative(options["mass"], "mass", _MASS),
        "friction": _checks.positive(options["friction"], "friction", _FRICTION),
        "weight_decay": _checks.non_negative(options["weight_decay"], "weight_decay", _WEIGHT_DECAY),
        "momentum": None if momentum is None else _checks.fraction(momentum, "momentum", _MOMENTUM),
    }


def check_names(group: Group, known: list[str]) -> None:
    """Raise a ValueError for an option that SGMP does not have.

    Only where it is surely a mistake: other names in a group belong to the user and to PyTorch's schedulers.
    """
    for name in set(group) - set(known):
        if name in ("dampening", "nesterov", "betas"):
            raise ValueError(f"unknown option {name!r} in a parameter group: SGMP has `mass` and `friction` instead.")
        if difflib.get_close_matches(name, known, n=1, cutoff=0.85):
            raise ValueError(f"unknown option {name!r} in a parameter group: {_checks.suggestion(name, known)}")


def step_size(group: Group) -> float:
    """The group's learning rate as a number; a tensor on an accelerator is waited for."""
    lr = group["lr"]
    return lr.item() if isinstance(lr, Tensor) else float(lr)


def refresh(group: Group, schedule: Schedule | None) -> StepCoefficients:
    """The coefficients of the present step, after writing its mass, decay and effective learning rate to the group.

    What a user or a scheduler may have set by hand since the last step is checked again.
    """
    lr, friction, momentum = step_size(group), group["friction"], group["momentum"]
    if not 0 <= lr < math.inf:
        raise _checks.fail("lr", "finite and non-negative", lr, _LR)
    _checks.positive(friction, "friction", _FRICTION)
    _checks.non_negative(group["weight_decay"], "weight_decay", _WEIGHT_DECAY)
    odds = None
    if momentum is not None:
        if schedule is not None:
            raise ValueError(
                "a group's `momentum` was set while its mass follows a Schedule: pass `cycle_momentum=False` to the "
                "learning-rate scheduler, or give the optimiser a number for `mass`."
            )
        momentum = _checks.fraction(momentum, "momentum", _MOMENTUM)
        odds = momentum / (1 - momentum)
    elif schedule is not None:
        value = _checks.non_negative(schedule(group["step"]), "mass", f"its Schedule gave that at step {group['step']}")
        if isinstance(schedule, Odds):
            odds = value
        else:
            group["mass"] = value
    if odds is not None:
        group["mass"] = friction * lr * odds
    mass = _checks.non_negative(group["mass"], "mass", "to follow a Schedule it must be given at construction")
    if lr > 0:
        coefficients = semi_implicit_euler(lr, mass, friction)
    else:  # the limit as the step goes to 0
        decay = odds / (1 + odds) if odds is not None else float(mass > 0)
        coefficients = StepCoefficients(decay, gain=(1 - decay) / friction)
    group["decay"] = coefficients.decay
    group["effective_lr"] = lr / friction
    return coefficients


def momentum_is_lost(group: Group, schedule: Schedule | None) -> bool:
    """Whether the mass of the group is 0 for good."""
    if group["momentum"] is not None or group["decay"] != 0 or group["mass"] != 0:
        return False
    known = schedule.decay if isinstance(schedule, Odds) else schedule
    return known is None or never_increases(known)
