"""The processes of the limits study as the theory sees them, before anything is run."""

from collections.abc import Iterator

import jax

from underdamped.studies.setting import Setting
from underdamped.studies.theorems.corollary19 import choices
from underdamped.studies.theorems.instability import SPRINGS
from underdamped.studies.theorems.longrun import SWITCHING_RATE as LONG_RUN_RATE
from underdamped.studies.theorems.longrun import law_masses
from underdamped.studies.theorems.lyapunov import CONSTANTS
from underdamped.studies.theorems.problems import PROBLEMS, Problem
from underdamped.studies.theorems.settings import Config
from underdamped.studies.theorems.theorem15 import RATE, masses_of_theorem_15
from underdamped.theory import ergodicity_threshold

_WANDERS = "At a constant rate of redraws it settles in a law around the minimiser, not there."


def problems(config: Config) -> tuple[Setting, ...]:
    """What `underdamped check limits` puts before the theory: each problem with the dynamics that are measured on it.

    Args:
        config: as for ``run``.

    Returns:
        One setting for each mass and rate; of the many of Theorems 5 and 6 the ends.
    """
    found: list[Setting] = []
    with jax.enable_x64(True):
        for name in config.problems:
            found += _on(PROBLEMS[name](), config)
    if "quadratic" in config.problems and _asked("instability", config):
        found += _springs()
    return tuple(found)


def _asked(experiment: str, config: Config) -> bool:
    return not config.experiments or experiment in config.experiments


def _on(problem: Problem, config: Config) -> Iterator[Setting]:
    """All dynamics on one problem."""
    mu, L = problem.min_curvature, problem.max_curvature

    def setting(what: str, mass, rate=None, friction: float = 1.0, remark: str = "") -> Setting:
        return Setting(f"{problem.name}: {what}", mass, friction, mu, L, rate=rate, remark=remark)

    if _asked("theorem5", config):
        for nu in (max(config.nu), min(config.nu)):
            yield setting(f"Theorem 5, ν = {nu:g}", 1.0, 1 / nu)
    if _asked("theorem6", config):
        for mass in (max(config.masses), min(config.masses)):
            yield setting(f"Theorem 6, m = {mass:g}, δ = 0", mass, 1.0)
    if _asked("theorem15", config) or _asked("lyapunov", config):
        for name, mass in masses_of_theorem_15(problem).items():
            theorem = "Theorem 15 and Lemma 32" if mass.initial == 1 else "Theorem 15"
            yield setting(f"{theorem}, {name}", mass, RATE, remark=_WANDERS)
    if _asked("lyapunov", config):
        for mass, friction in CONSTANTS:
            yield setting(f"Proposition 22, m = {mass:g}, α = {friction:g}", mass, friction=friction)
    if _asked("longrun", config):
        for mass in law_masses(problem):
            yield setting(f"long run, m = {mass:.3g}", mass, LONG_RUN_RATE, remark=_WANDERS)
    if _asked("corollary19", config):
        for choice in choices(problem, config.horizon)[: config.choices]:
            yield setting(f"Corollary 19, {choice.name}", choice.mass, choice.rate)


def _springs() -> Iterator[Setting]:
    """The two springs, where no switching can make them unstable and where some does."""
    lightest = ergodicity_threshold(*SPRINGS, 1.0) ** -2
    for mass, where in ((lightest / 2, "light"), (10.0, "heavy")):
        remark = "Each spring is stable alone; switching between heavy ones can make them unstable."
        yield Setting(f"two springs, {where}: m = {mass:.3g}", mass, 1.0, *SPRINGS, rate=1.0, remark=remark)
