"""The largest stable step of each method on the stiffest component, from its own coefficients, step by step."""

import numpy as np

from underdamped import _checks, stability_limit
from underdamped.studies.descent.contenders import CONTENDERS, DMSGMP_MASS, MASS_LEFT, Setting


def stability_limits(method: str, setting: Setting, curvature: float, num_steps: int) -> np.ndarray | None:
    r"""Where the scheme, with the coefficients of each step held, has an eigenvalue -1 on a parabola of that curvature.

    With $a = hL$ for the effective rate $h$: $2$ for SGD, averaged or not; $L$ times `stability_limit` for SGMP at the
    mass of the step; $2(1+\rho)/(1-\rho)$ for momentum, $2(1+\rho)/((1-\rho)(1+2\rho))$ for Nesterov's; and
    $2(2-c)/((1-\beta)(2-c) + c\beta)$ for Schedule-Free SGD, whose average takes the share $c = 1/n$ of step n.

    The step is taken as constant. Crossing the limit for a few steps is no divergence, but the error can grow there.

    Args:
        method: name of the contender.
        setting: its setting; ``own`` is read, ``step`` and ``fade`` are not.
        curvature: $L > 0$.
        num_steps: T.

    Returns:
        The limits of $h$, one a step; None for AdamW, whose steps do not scale with the gradient.

    Raises:
        ValueError: If there is no contender of that name.

    Example:
        >>> stability_limits("SGD", Setting(1.0, 0.0, 0.0), curvature=4.0, num_steps=2)
        array([0.5, 0.5])
        >>> stability_limits("Schedule-Free SGD", Setting(1.0, 0.0, 0.9), curvature=1.0, num_steps=2)
        array([2., 5.])
    """
    n, own = np.arange(num_steps), float(setting.own)
    match method:
        case "AdamW":
            return None
        case "hSGMP":
            limits = stability_limit(1.0, own + 0.0 * n)
        case "dmSGMP":
            limits = stability_limit(1.0, DMSGMP_MASS * MASS_LEFT ** (n / (own * num_steps)))
        case "classical momentum":
            limits = 2 * (1 + own) / (1 - own) + 0.0 * n
        case "Nesterov":
            limits = 2 * (1 + own) / ((1 - own) * (1 + 2 * own)) + 0.0 * n
        case "Schedule-Free SGD":
            share = 1 / (n + 1)
            limits = 2 * (2 - share) / ((1 - own) * (2 - share) + own * share)
        case "SGD" | "Polyak averaging":
            limits = 2.0 + 0.0 * n
        case _:
            known = [contender.name for contender in CONTENDERS]
            raise _checks.fail("method", "the name of a contender", method, _checks.suggestion(method, known))
    return limits / curvature
