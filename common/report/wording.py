"""Numbers as people read them: as many digits as their error leaves meaning."""

import math
from collections.abc import Mapping
from typing import Any


def number(value: float | None, digits: int = 4) -> str:
    """`value` to `digits` significant digits, with thousands apart; a dash for a missing one."""
    if value is None or not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    return _minus(f"{value:,.{min(max(places, 0), 9)}f}")


def with_error(value: float | None, error: float | None) -> str:
    """`0.0312 ± 0.0041`: the error to two significant digits, the value to the same place."""
    if value is None or not math.isfinite(value):
        return "–"
    if error is None or not math.isfinite(error) or error <= 0:
        return number(value)
    places = min(max(1 - math.floor(math.log10(error)), 0), 9)
    return _minus(f"{value:,.{places}f} ± {error:,.{places}f}")


def score_of(entry: Mapping[str, Any] | None) -> str:
    """`{"score", "standard_error"}` as one number with its error."""
    return with_error(entry.get("score"), entry.get("standard_error")) if entry else "–"


def share(part: float, whole: float) -> str:
    """`12.5%` of the whole; a dash where there is no whole."""
    return f"{100 * part / whole:.1f}%" if whole else "–"


def count(rows: int, one: str, many: str = "") -> str:
    """`1 row`, `1,200 rows`."""
    return f"{rows:,} {one if rows == 1 else many or one + 's'}"


def bytes_text(size: float) -> str:
    """`812 B`, `34.1 kB`, `5.2 MB`, `1.3 GB`, in powers of 1000."""
    for unit in ("B", "kB", "MB"):
        if abs(size) < 999.5:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB"


def minutes(seconds: float) -> str:
    """`48 s`, `12.4 min`, `3.1 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def words_of(name: str) -> str:
    """A name in words: `log_loss` is `log loss`, and short ones as `mae` are abbreviations, `MAE`."""
    return name.upper() if len(name) <= 5 and "_" not in name else name.replace("_", " ")


def _minus(text: str) -> str:
    """A minus sign of the width of the digits; none before a zero."""
    if not text.startswith("-"):
        return text
    return text[1:] if not text.split(" ")[0].strip("-0.,") else "−" + text[1:]
