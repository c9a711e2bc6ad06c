"""The options of one parameter group: checked when given, turned into the coefficients of the present step."""

import difflib
import math
from typing import Any

from torch import Tensor
from underdamped import _checks
from underdamped.coefficients import StepCoefficients, mass_from_decay, semi_implicit_euler
from underdamped.schedules import Schedule, never_increases

Group = dict[str, Any]

_LR = "it is a step of time; `maximize=True` ascends"
_MOMENTUM = "it is the share m/(m + friction lr) of the velocity that survives a step"


def check_options(options: Group) -> None:
    """Raise a TypeError or ValueError for an option out of range, or two that contradict each other."""
    lr = options["lr"]
    if isinstance(lr, Tensor) and lr.numel() != 1:
        raise _checks.fail("lr", "a number or a one-element tensor", tuple(lr.shape), "groups can each have their own")
    _checks.non_negative(lr.item() if isinstance(lr, Tensor) else lr, "lr", _LR)
    _checks.non_negative(options["mass"], "mass", "0 removes momentum, nothing lies below")
    _checks.positive(options["friction"], "friction", "without friction the flow does not converge")
    _checks.non_negative(options["weight_decay"], "weight_decay", "it pulls towards 0, never away")
    if options["momentum"] is not None:
        _checks.fraction(options["momentum"], "momentum", _MOMENTUM)
    if options["fused"] and options["foreach"]:
        raise ValueError("`fused` and `foreach` cannot both be True: leave one at None.")
    if options["fused"] and options["differentiable"]:
        raise ValueError("`fused` must not be True with `differentiable`: the fused kernel has no derivative.")


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
    """The coefficients of the present step, after writing its mass, decay and effective learning rate to the group."""
    lr, friction, momentum = step_size(group), group["friction"], group["momentum"]
    if not 0 <= lr < math.inf:
        raise _checks.fail("lr", "finite and non-negative", lr, _LR)
    if momentum is not None:
        if schedule is not None:
            raise ValueError(
                "a group's `momentum` was set while its mass follows a Schedule: pass `cycle_momentum=False` to the "
                "learning-rate scheduler, or give the optimiser a number for `mass`."
            )
        group["mass"] = mass_from_decay(_checks.fraction(momentum, "momentum", _MOMENTUM), lr, friction)
    elif schedule is not None:
        group["mass"] = float(schedule(group["step"]))
    mass = group["mass"]
    if not 0 <= mass < math.inf:
        raise _checks.fail("mass", "finite and non-negative", mass, f"that is what it is at step {group['step']}")
    if lr > 0:
        coefficients = semi_implicit_euler(lr, mass, friction)
    else:
        coefficients = StepCoefficients(decay=1.0 if mass > 0 else 0.0, gain=0.0)  # the limit as the step goes to 0
    group["decay"] = coefficients.decay
    group["effective_lr"] = lr / friction
    return coefficients


def momentum_is_lost(group: Group, schedule: Schedule | None) -> bool:
    """Whether the mass of the group is 0 for good."""
    return group["mass"] == 0 and group["momentum"] is None and (schedule is None or never_increases(schedule))
