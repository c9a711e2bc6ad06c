"""What the options and checkpoints of ``torch.optim.SGD`` mean in terms of step size, mass and velocity."""

from collections.abc import Iterable
from typing import Any

from underdamped import _checks
from underdamped.coefficients import heavy_ball_to_sgmp
from underdamped.schedules import GeometricDecay, Scaled, Schedule
from underdamped.torch.groups import Group


def convert_groups(
    params: Iterable[Any], lr: float, momentum: float, friction: float, mass_decay: float | Schedule | None
) -> list[Group]:
    """Parameter groups of SGMP that start as those of SGD, each with its own or the given ``lr`` and ``momentum``."""
    given = list(params)
    groups: list[Group] = (
        [dict(group) for group in given] if given and isinstance(given[0], dict) else [{"params": given}]
    )
    for group in groups:
        group_friction = group.get("friction", friction)
        step_size, mass = heavy_ball_to_sgmp(group.pop("lr", lr), group.pop("momentum", momentum), group_friction)
        group["lr"] = step_size
        if mass_decay is None:
            group["mass"] = mass
        elif callable(mass_decay):
            group["mass"] = Scaled(mass_decay, factor=mass)
        else:
            group["mass"] = GeometricDecay(mass, ratio=mass_decay)
    return groups


def convert_state(state_dict: dict[str, Any], groups: list[Group]) -> dict[str, Any]:
    r"""The state of an SGD run as a state of SGMP at the frictions of ``groups``: the same point of the same motion.

    SGD moves by $-\text{lr}\,b'$ with $b' = \rho b + (1-d) g$ for momentum $\rho$ and dampening $d$. That is heavy ball
    of learning rate $\text{lr}(1-d)$, and its velocity is $-\text{lr}\,b/h$.
    """
    converted, state = [], {}
    for saved, group in zip(state_dict["param_groups"], groups, strict=True):
        lr, momentum = float(saved["lr"]), saved["momentum"]
        if saved["nesterov"]:
            raise _checks.fail(
                "nesterov", "False in the loaded state", True, "Nesterov's step has no mass to go on with"
            )
        dampening = saved["dampening"] if momentum > 0 else 0.0  # as SGD itself
        if not dampening < 1:
            raise _checks.fail("dampening", "below 1 in the loaded state", dampening, "no gradient enters the velocity")
        _checks.positive(lr, "lr", "in the loaded state: at 0 the mass that corresponds to its momentum is 0 too")
        step_size, mass = heavy_ball_to_sgmp(lr * (1 - dampening), momentum, group["friction"])
        kept = {name: saved[name] for name in ("params", "param_names", "weight_decay", "maximize") if name in saved}
        if "initial_lr" in saved:  # a learning-rate scheduler's
            kept["initial_lr"] = saved["initial_lr"] * (step_size / lr)
        converted.append({**kept, "lr": step_size, "mass": mass, "step": 0, "momentum": None})
        for key in saved["params"]:
            buffer = state_dict["state"].get(key, {}).get("momentum_buffer")
            if buffer is not None:
                state[key] = {"momentum_buffer": buffer.to_dense() * (lr / step_size)}
    return {**state_dict, "state": state, "param_groups": converted}
