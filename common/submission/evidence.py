"""A cause that was found, and when a repair is believed to show one.

Every cause is tested by undoing it. If the repaired file agrees with the known-good one far better than the
file as it is, the cause is believed. Honest models may come out a little better shifted by a row; so the
gain must be large, and too large for the best of all tried repairs to have it by chance.
"""

import math
from dataclasses import dataclass

# Below the minimum the file is known to be wrong and the question is why: a repair has to take away a fifth
# of the disagreement. Above it, only a repair that takes away three quarters makes a file suspicious.
LEFT_OVER = 0.8
LEFT_OVER_ABOVE_MINIMUM = 0.25
WEAKEST_REPAIRED = 0.5


@dataclass(frozen=True)
class Finding:
    """A cause: its code, a sentence with the evidence, and how well rows agree after the repair (0..1)."""

    code: str
    explanation: str
    repaired: float = 0.0


def critical(rows: int, hypotheses: int) -> float:
    """The correlation that the best of `hypotheses` unrelated repairs exceeds once in 10,000 times.

    Fisher's z: the inverse hyperbolic tangent of a chance correlation is normal with variance 1 / (rows - 3),
    and of h normal numbers the largest exceeds sqrt(2 ln(10,000 h)) less than once in 10,000 times.
    """
    if rows < 4:
        return 1.0
    return math.tanh(math.sqrt(2 * math.log(10_000 * hypotheses) / (rows - 3)))


def convincing(before: float, after: float, rows: int, hypotheses: int, left_over: float) -> bool:
    """Whether a repair that raises the agreement from `before` to `after` shows the cause."""
    enough = after >= WEAKEST_REPAIRED and after > critical(rows, hypotheses)
    return enough and 1 - after <= left_over * (1 - before)


def rows_text(number: int, unit: str) -> str:
    """`1 row`, `2,000 rows`."""
    return f"{number:,} {unit}" + ("" if number == 1 else "s")
