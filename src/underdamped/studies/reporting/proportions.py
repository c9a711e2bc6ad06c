"""Proportions of independent runs: Wilson's interval of one, Newcombe's of a difference of two."""

from typing import NamedTuple

from scipy.stats import binomtest

from underdamped import _checks


class Apart(NamedTuple):
    """A difference of two proportions with its interval.

    Attributes:
        difference: First minus second.
        low: Lower end of the interval.
        high: Upper end of the interval.
    """

    difference: float
    low: float
    high: float

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out 0: only then may the two be ranked."""
        return self.low > 0 or self.high < 0


def wilson(hits: int, runs: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a proportion: within 0 and 1, and of sound coverage close to them too.

    Args:
        hits: successes.
        runs: independent trials, at least 1.
        confidence: coverage, in (0, 1).

    Returns:
        Lower and upper end.

    Raises:
        ValueError: If ``hits`` is not from 0 to ``runs``.

    Example:
        >>> [round(end, 4) for end in wilson(0, 100)]
        [0.0, 0.037]

    References:
        Wilson, *Probable inference, the law of succession, and statistical inference* (JASA 1927).
    """
    _checks.count(runs, "runs", "a proportion needs a trial")
    if not 0 <= hits <= runs:
        raise _checks.fail("hits", f"from 0 to {runs}", hits, "they are the successes among the runs")
    interval = binomtest(int(hits), int(runs)).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)


def newcombe(first: tuple[int, int], second: tuple[int, int], confidence: float = 0.95) -> Apart:
    r"""Difference of two independent proportions with Newcombe's hybrid score interval.

    With Wilson's intervals $(l_i, u_i)$ of $\hat p_1, \hat p_2$ and $d = \hat p_1 - \hat p_2$ it reaches from
    $d - \sqrt{(\hat p_1 - l_1)^2 + (u_2 - \hat p_2)^2}$ to $d + \sqrt{(u_1 - \hat p_1)^2 + (\hat p_2 - l_2)^2}$.
    Two Wilson intervals may overlap while this one leaves out 0; never the other way round.

    Args:
        first: hits and runs.
        second: hits and runs.
        confidence: coverage, in (0, 1).

    Returns:
        The difference and its interval.

    Raises:
        ValueError: If hits are not from 0 to the number of runs.

    Example:
        >>> [round(number, 4) for number in newcombe((56, 70), (48, 80))]  # the paper's own example, method 10
        [0.2, 0.0524, 0.3339]

    References:
        Newcombe, *Interval estimation for the difference between independent proportions* (Statistics in Medicine
        1998), method 10.
    """
    (low1, high1), (low2, high2) = wilson(*first, confidence), wilson(*second, confidence)
    p1, p2 = first[0] / first[1], second[0] / second[1]
    gap = p1 - p2
    return Apart(gap, gap - ((p1 - low1) ** 2 + (high2 - p2) ** 2) ** 0.5,
                 gap + ((high1 - p1) ** 2 + (p2 - low2) ** 2) ** 0.5)  # fmt: skip
