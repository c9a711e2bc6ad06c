"""The problems of a study as the theory sees them, and what it says about each: for `underdamped check`."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass

from underdamped.coefficients import stability_limit
from underdamped.schedules import Schedule
from underdamped.theory import (
    best_mass,
    check_assumptions,
    common_norm,
    contraction_factor,
    contraction_rate,
    ergodicity_threshold,
    step_rule,
    worst_contraction_factor,
)

_EVERY = "every component"


@dataclass(frozen=True)
class Setting:
    r"""What a study minimises, and how, in the numbers that theorems speak about; None where one is not known.

    Attributes:
        name: what it is, as the report calls it.
        mass: $m$, a number or a Schedule of time.
        friction: $\alpha > 0$.
        min_curvature: $\mu > 0$ of every component, or of ``curvatures_of``.
        max_curvature: $L$ of every component, or of ``curvatures_of``.
        step: $h$, of the integrator or the scheme.
        rate: $\kappa$ of the redraws from all components, a number, ``inf`` for the full gradient, or a Schedule of
            time.
        remark: what the numbers do not say; one sentence.
        not_met: assumptions that fail for the whole problem, with the reason. The curvatures are then those of a piece,
            and no Lipschitz constants of the gradients.
        case: what tells it from other settings of the same name.
        curvatures_of: what the curvatures belong to, if not to every component: A1 and A2 are open then, or fail.

    Example:
        >>> Setting("half a parabola", mass=1.0, min_curvature=1.0, max_curvature=1.0).friction
        1.0
    """

    name: str
    mass: float | Schedule
    friction: float = 1.0
    min_curvature: float | None = None
    max_curvature: float | None = None
    step: float | None = None
    rate: float | Schedule | None = None
    remark: str = ""
    not_met: Mapping[str, str] = field(default_factory=dict)
    case: str = ""
    curvatures_of: str = _EVERY


def what_theory_says(problem: Setting) -> list[tuple[str, str]]:
    r"""Each question with its answer: the step, the best mass, rates of contraction, ergodicity, A1 to A4.

    The assumptions are stated at friction 1. Another friction is brought there by counting time in units of $\alpha$:
    the mass becomes $m(\alpha s)/\alpha^2$ and the rate $\alpha\,\kappa(\alpha s)$.

    Args:
        problem: the problem.

    Returns:
        Questions and answers, in words, in reading order.

    Raises:
        ValueError: If a number is out of range.

    Example:
        >>> answers = dict(what_theory_says(Setting("a parabola", mass=0.5, min_curvature=1.0, max_curvature=1.0)))
        >>> answers["best mass"]
        'm = 0.25, which contracts at the rate 2 of the full gradient; mass 0 at 1'
    """
    return [*_setting(problem), *_steps(problem), *_rates(problem), *_switching(problem), *_assumptions(problem)]


def what_theory_says_of_all(cases: Sequence[Setting]) -> list[tuple[str, str]]:
    """Settings of one name together: an answer they share once, the others with the case they belong to.

    Args:
        cases: settings that differ in their ``case``.

    Returns:
        Questions and answers, as ``what_theory_says``.

    Example:
        >>> cases = [Setting("a parabola", mass, max_curvature=1.0, case=f"m = {mass}") for mass in (1.0, 2.0)]
        >>> [question for question, _ in what_theory_says_of_all(cases)][:4]
        ['curvatures', 'mass, friction (m = 1.0)', 'mass, friction (m = 2.0)', 'step rule']
    """
    answers = [dict(what_theory_says(one)) for one in cases]
    found = []
    for question in dict.fromkeys(question for one in answers for question in one):
        given = [one.get(question) for one in answers]
        if len(set(given)) == 1:
            found.append((question, answers[0][question]))
        else:
            pairs = zip(cases, given, strict=True)
            found += [(f"{question} ({one.case})", answer) for one, answer in pairs if answer is not None]
    return found


def _setting(problem: Setting) -> Iterator[tuple[str, str]]:
    mu, L = problem.min_curvature, problem.max_curvature
    if mu is not None and L is not None:
        words = f"of {problem.curvatures_of} between mu = {mu:.4g} and L = {L:.4g}"
    else:
        known = f"at least mu = {mu:.4g}" if mu is not None else f"at most L = {L:.4g}" if L is not None else "unknown"
        words = f"of {problem.curvatures_of} {known}"
    if not _of_all(problem):
        words += ": not a Lipschitz bound"
    elif "A1" in problem.not_met:
        words += ", where they exist: not a Lipschitz bound"
    yield "curvatures", words
    yield "mass, friction", f"m = {_shown(problem.mass)}, alpha = {problem.friction:.4g}"
    if problem.rate is not None:
        full = problem.rate == math.inf
        yield "switching", "none: the full gradient" if full else f"at rate kappa = {_shown(problem.rate)}"
    if problem.remark:
        yield "remark", problem.remark


def _steps(problem: Setting) -> Iterator[tuple[str, str]]:
    L, alpha, step = problem.max_curvature, problem.friction, problem.step
    if L is None:
        return
    rule, masses = step_rule(L, alpha), _masses(problem)
    yield "step rule", f"h = alpha/L = {rule:.4g}" + ("" if step is None else f"; it takes h = {step:.4g}")
    limits = {name: float(stability_limit(L, mass, alpha)) for name, mass in masses.items()}
    words = ", ".join(f"h < {limit:.4g}{name}" for name, limit in limits.items())
    if step is not None:
        words += ": stable" if step < min(limits.values()) else ": UNSTABLE with the step it takes"
    yield "stability of the scheme", words
    if step is not None and problem.min_curvature is not None:
        factors = [
            f"{worst_contraction_factor(step, problem.min_curvature, L, mass, alpha):.4g}{name}"
            for name, mass in masses.items()
        ]
        yield "contraction a step", "distances to the minimiser times " + ", ".join(factors) + ", in the long run"
    elif step is not None:
        factors = [f"{contraction_factor(step, L, mass, alpha):.4g}{name}" for name, mass in masses.items()]
        yield "contraction a step", "along the steepest direction times " + ", ".join(factors) + ", in the long run"


def _rates(problem: Setting) -> Iterator[tuple[str, str]]:
    mu, alpha = problem.min_curvature, problem.friction
    if mu is None:
        return
    best = best_mass(mu, alpha)
    fastest, massless = contraction_rate(mu, best, alpha), contraction_rate(mu, 0.0, alpha)
    words = f"m = {best:.4g}, which contracts at the rate {fastest:.4g} of the full gradient; mass 0 at {massless:.4g}"
    yield "best mass", words
    rates = [f"{contraction_rate(mu, mass, alpha):.4g}{name}" for name, mass in _masses(problem).items()]
    yield "rate of contraction", ", ".join(rates) + ", per unit of time, with the full gradient"


def _switching(problem: Setting) -> Iterator[tuple[str, str]]:
    mu, L, alpha = problem.min_curvature, problem.max_curvature, problem.friction
    if mu is None or L is None or problem.not_met:  # a piece of a problem says nothing of the whole
        return
    for name, mass in _masses(problem).items():
        threshold, norm = ergodicity_threshold(mu, L, mass), common_norm(mu, L, mass, alpha)
        if norm.rate > 0:
            words = (
                f"friction {alpha:.4g} is above the threshold {threshold:.4g}: contracts at the rate {norm.rate:.4g}"
            )
            words += ", however the index switches"
        else:
            words = f"friction {alpha:.4g} is not above the threshold {threshold:.4g}: not proved for all switching"
        yield f"ergodicity{name}", words


def _assumptions(problem: Setting) -> Iterator[tuple[str, str]]:
    mass, rate, alpha = problem.mass, problem.rate, problem.friction
    if alpha != 1:
        mass = _rescaled(mass, alpha, 1 / alpha**2)
        rate = None if rate is None else _rescaled(rate, alpha, alpha)
    mu, L = (problem.min_curvature, problem.max_curvature) if _of_all(problem) else (None, None)  # A1, A2 want all
    verdicts = check_assumptions(mass, rate, min_curvature=mu, max_curvature=L)
    for verdict in verdicts:
        in_time = alpha != 1 and verdict.assumption in ("A3", "A4")
        if verdict.assumption in problem.not_met:
            yield verdict.assumption, f"fails: {problem.not_met[verdict.assumption]}"
            continue
        unit = ", in the unit of time that makes the friction 1" if in_time else ""
        yield verdict.assumption, str(verdict).removeprefix(f"{verdict.assumption} ") + unit


def _of_all(problem: Setting) -> bool:
    return problem.curvatures_of == _EVERY


def _rescaled(value: float | Schedule, clock: float, factor: float) -> float | Schedule:
    if not callable(value):
        return factor * value
    return lambda t: factor * value(clock * t)


def _masses(problem: Setting) -> dict[str, float]:
    """The mass, or the first and the last one of a schedule, with what to add to a number that belongs to it."""
    if not callable(problem.mass):
        return {"": float(problem.mass)}
    start = float(problem.mass(0.0))
    lost = next(v for v in check_assumptions(problem.mass) if v.assumption == "Def. 8").holds
    return {f" at m = {start:.4g}": start} | ({" once it is lost": 0.0} if lost else {})


def _shown(value: float | Schedule) -> str:
    if not callable(value):
        return f"{value:.4g}"
    return f"{value!r} of time" if is_dataclass(value) else "a function of time"
