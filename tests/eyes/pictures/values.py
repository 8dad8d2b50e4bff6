"""Values as text, in the units that the dashboards use, as Grafana writes them."""

import math
from collections.abc import Callable, Mapping

STEPS = ((1e9, " Bil"), (1e6, " Mil"), (1e3, " K"))
TIMES = ((3600, " h"), (60, " min"), (1, " s"), (1e-3, " ms"), (1e-6, " µs"))
BYTES = ((1024.0**3, " GiB"), (1024.0**2, " MiB"), (1024.0, " KiB"))
DIGITS = 3


def written(value: float, unit: str) -> str:
    """Return a value with its unit. Raises KeyError for a unit that no dashboard uses yet."""
    return "No data" if math.isnan(value) else UNITS[unit](value)


def unit_size(value: float, unit: str) -> float:
    """Return the size of the larger unit in which a value is written, such as 60 for a minute; a scale has whole steps of it."""
    sizes = {"s": TIMES, "bytes": BYTES}.get(unit, ())
    return next((size for size, _ in sizes if value >= size), 1.0)


def _digits(value: float) -> str:
    """Return a number with three digits, without an exponent."""
    rounded = float(f"{value:.{DIGITS}g}")
    return f"{rounded:.10f}".rstrip("0").rstrip(".") if abs(rounded) < 1e15 else f"{rounded:g}"


def _scaled(steps: tuple[tuple[float, str], ...], smallest: str) -> Callable[[float], str]:
    def text(value: float) -> str:
        for size, name in steps:
            if abs(value) >= size:
                return _digits(value / size) + name
        return _digits(value) + smallest

    return text


_short = _scaled(STEPS, "")

UNITS: Mapping[str, Callable[[float], str]] = {
    "short": _short,
    "ops": lambda value: _short(value) + " ops/s",
    "s": _scaled(TIMES, " s"),
    "bytes": _scaled(BYTES, " B"),
    "percentunit": lambda value: _digits(100 * value) + "%",
}
