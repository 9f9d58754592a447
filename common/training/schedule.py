"""The learning rate over the steps of a phase: one cycle."""

import math


def one_cycle(step: int, steps: int, warmup_share: float) -> float:
    """Share of the peak rate at `step` of `steps`: a cosine up from 1/25, then a cosine down to 1e-4.

    After Smith, "Super-Convergence" (arXiv:1708.07120), with the cosine form of fastai's fit_one_cycle.
    """
    warmup = max(1, round(steps * warmup_share)) if warmup_share > 0 else 0
    if step < warmup:
        return _cosine(1 / 25, 1.0, step / warmup)
    return _cosine(1.0, 1e-4, (step - warmup) / max(1, steps - 1 - warmup))


def _cosine(begin: float, end: float, share: float) -> float:
    return end + (begin - end) * (1 + math.cos(math.pi * min(share, 1.0))) / 2
