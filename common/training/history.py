"""The entries of a training's history, and how they are told."""

from statistics import median
from typing import Any

from common.training.schedule import Phase


def speed(images: int, seconds: float) -> dict[str, float]:
    return {"images_per_second": images / seconds, "seconds": seconds}


def told(entry: dict[str, float], epochs: int) -> str:
    """One line about an epoch: losses and scores, speed, and the time that the epochs left will take."""
    minutes, seconds = divmod(round((epochs - entry["epoch"]) * entry["seconds"]), 60)
    return (
        f"epoch {entry['epoch']:.0f}/{epochs}: {scores_told(entry)}; {entry['images_per_second']:,.0f} images/s, "
        f"{minutes} min {seconds} s left"
    )


def scores_told(entry: dict[str, float]) -> str:
    return ", ".join(
        f"{name.replace('_', ' ')} {value:.4g}"
        for name, value in entry.items()
        if name == "train_loss" or name.startswith("validation")
    )


def phase_figures(phase: Phase, history: list[dict[str, float]], micro_batch_size: int) -> dict[str, Any]:
    """What a finished phase took."""
    entries = [entry for entry in history if phase.first_epoch < entry["epoch"] <= phase.end]
    return {
        "phase": phase.name,
        "image_size_px": phase.image_size_px,
        "epochs": phase.epochs,
        "micro_batch_size": micro_batch_size,
        "images_per_second": median(entry["images_per_second"] for entry in entries),
        "peak_memory_bytes": int(max(entry["peak_memory_bytes"] for entry in entries)),
    }


def phase_told(figures: dict[str, Any]) -> str:
    return (
        f"{figures['phase']}: {figures['epochs']} epoch(s), {figures['images_per_second']:,.0f} images/s, peak memory "
        f"{figures['peak_memory_bytes'] / 1e9:.2f} GB with micro-batches of {figures['micro_batch_size']}"
    )
