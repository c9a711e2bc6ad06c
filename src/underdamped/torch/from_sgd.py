"""What the options and checkpoints of ``torch.optim.SGD`` mean in terms of step size, mass and velocity."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from underdamped import _checks
from underdamped.coefficients import heavy_ball_to_sgmp
from underdamped.schedules import GeometricDecay, Schedule
from underdamped.torch.groups import Group, Odds


def convert_options(lr: float, momentum: float, friction: float, mass_decay: float | Schedule | None) -> Group:
    """``lr`` and either ``momentum`` or ``mass`` of a group that starts as SGD with ``lr`` and ``momentum``.

    The momentum factor is what is kept or lost, so that a learning-rate scheduler moves the step as it does in SGD.
    """
    step_size, _ = heavy_ball_to_sgmp(lr, momentum, friction)
    if momentum == 0:
        return {"lr": step_size, "mass": 0.0}  # plain SGD, without buffers
    if mass_decay is None:
        return {"lr": step_size, "momentum": float(momentum)}
    decay = mass_decay if callable(mass_decay) else GeometricDecay(1.0, ratio=mass_decay)
    return {"lr": step_size, "mass": Odds(momentum / (1 - momentum), decay)}


def convert_groups(
    params: Iterable[Any], lr: float, momentum: float, friction: float, mass_decay: float | Schedule | None
) -> list[Group]:
    """Parameter groups of SGMP that start as those of SGD, each with its own or the given ``lr`` and ``momentum``."""
    given = list(params)
    groups: list[Group] = [dict(group) for group in given] if isinstance(given[0], dict) else [{"params": given}]
    for group in groups:
        if "mass" in group:
            raise _checks.fail("mass", "left out of the groups", group["mass"], "it follows from `momentum`")
        own = group.pop("lr", lr), group.pop("momentum", momentum), group.get("friction", friction)
        group.update(convert_options(*own, mass_decay))
    return groups


def convert_state(
    state_dict: dict[str, Any], groups: list[Group], schedules: list[Schedule | None]
) -> tuple[dict[str, Any], list[Schedule | None]]:
    r"""The state of an SGD run as a state of SGMP at the frictions of ``groups``: the same point of the same motion.

    SGD moves by $-\text{lr}\,b'$ with $b' = \rho b + (1-d) g$ for momentum $\rho$ and dampening $d$. That is heavy ball
    of learning rate $\text{lr}(1-d)$, and its velocity is $-\text{lr}\,b/h$. Returns the state, and the schedules with
    those that scale SGD's momentum scaled to the momentum of this run.
    """
    converted, state, fitted = [], {}, []
    for saved, group, schedule in zip(state_dict["param_groups"], groups, schedules, strict=True):
        lr, momentum = float(saved["lr"]), float(saved["momentum"])
        if saved.get("nesterov", False):
            raise _checks.fail("nesterov", "False in the loaded state", True, "no mass gives Nesterov's step")
        dampening = saved["dampening"] if momentum > 0 else 0.0  # as SGD itself
        if not dampening < 1:
            raise _checks.fail("dampening", "below 1 in the loaded state", dampening, "no gradient enters the velocity")
        _checks.positive(lr, "lr", "in the loaded state: at 0 the mass that corresponds to its momentum is 0 too")
        step_size, mass = heavy_ball_to_sgmp(lr * (1 - dampening), momentum, group["friction"])
        if isinstance(schedule, Odds):
            fitted.append(replace(schedule, initial=momentum / (1 - momentum)))
        elif schedule is None or abs(schedule(0) - mass) <= 1e-6 * mass:
            fitted.append(schedule)
        else:
            way_out = "the loaded SGD run has it, and would jump; `SGMP.from_sgd` builds a schedule that fits"
            raise _checks.fail("mass", f"a Schedule that begins at {mass!r}", schedule(0), way_out)
        kept = {name: saved[name] for name in ("params", "param_names", "weight_decay", "maximize") if name in saved}
        if "initial_lr" in saved:  # a learning-rate scheduler's
            kept["initial_lr"] = saved["initial_lr"] * (step_size / lr)
        if group["momentum"] is not None:
            kept["momentum"] = momentum
        converted.append({**kept, "lr": step_size, "mass": mass, "step": 0})
        for key in saved["params"]:
            buffer = state_dict["state"].get(key, {}).get("momentum_buffer")
            if buffer is not None:
                state[key] = {"momentum_buffer": buffer.to_dense() * (lr / step_size)}
    return {**state_dict, "state": state, "param_groups": converted}, fitted
