"""The house style of figures: colours, type, rules, and files that are the same on every call and day."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.typing import LineStyleType, RcKeyType

Dashes: TypeAlias = Literal["solid"] | tuple[float, ...]

# Okabe and Ito's colours, safe for colour-blind readers, without their yellow, which vanishes on white paper. Dashes
# tell apart the second seven, and all of them in black and white.
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9")
_DASHES: tuple[Dashes, ...] = ("solid", (4.0, 1.6), (1.2, 1.4))
_INK, _RULE = "#222222", "#dddddd"

_STYLE: dict[RcKeyType, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#888888",
    "axes.grid": True,
    "axes.labelcolor": _INK,
    "axes.labelsize": 10,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlepad": 8,
    "figure.facecolor": "white",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # ships with matplotlib: the same layout on every machine
    "font.size": 10,
    "grid.color": _RULE,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "lines.linewidth": 1.7,
    "lines.solid_capstyle": "round",
    "savefig.dpi": 200,  # of what is kept as an image inside a drawing: maps
    "pdf.fonttype": 42,  # text stays text in print shops and screen readers
    "svg.fonttype": "none",  # and on the page, where it takes the page's font
    "svg.hashsalt": "underdamped",  # the same figure gives the same file
    "text.color": _INK,
    "xtick.color": _INK,
    "xtick.labelsize": 9.5,
    "xtick.major.size": 3,
    "ytick.color": _INK,
    "ytick.labelsize": 9.5,
    "ytick.major.size": 0,
    "ytick.minor.size": 0,
}


@dataclass(frozen=True)
class Look:
    """How one series looks, the same in every figure of a report.

    Attributes:
        color: Line colour.
        dashes: "solid", or lengths of strokes and gaps in line widths.
    """

    color: str
    dashes: Dashes = "solid"


def looks(names: Sequence[str]) -> dict[str, Look]:
    """A look for each name: seven colours, then the same seven dashed, then dotted.

    Example:
        >>> looks(["SGD", "hSGMP"])["SGD"]
        Look(color='#0072B2', dashes='solid')
    """
    styles = [Look(color, dashes) for dashes in _DASHES for color in _COLORS]
    return {name: styles[number % len(styles)] for number, name in enumerate(names)}


@contextmanager
def house_style() -> Iterator[None]:
    """Draw and save in the house style; what the user has set before and after is left alone.

    Example:
        >>> before = mpl.rcParams["axes.grid"]
        >>> with house_style():
        ...     mpl.rcParams["axes.grid"]
        True
        >>> mpl.rcParams["axes.grid"] == before
        True
    """
    with mpl.rc_context():
        mpl.rcdefaults()  # a user's matplotlibrc must not change the figures of a report
        mpl.rcParams.update(_STYLE)
        yield


def to_svg(drawing: Figure) -> str:
    """The figure as SVG text, the same on every call and day."""
    buffer = io.StringIO()
    with house_style():
        drawing.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def to_pdf(drawing: Figure) -> bytes:
    """The figure as PDF, the same on every call and day."""
    buffer = io.BytesIO()
    with house_style():
        drawing.savefig(buffer, format="pdf", metadata={"CreationDate": None})
    return buffer.getvalue()


def line_style(look: Look) -> LineStyleType:
    """The dashes of ``look`` in matplotlib's words."""
    return "solid" if look.dashes == "solid" else (0.0, look.dashes)
