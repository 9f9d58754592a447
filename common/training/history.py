"""The entries of a training's history, and how they are told."""


def speed(images: int, seconds: float) -> dict[str, float]:
    return {"images_per_second": images / seconds, "seconds": seconds}


def told(entry: dict[str, float], epochs: int) -> str:
    """One line about an epoch: losses and scores, speed, and the time that the epochs left will take."""
    minutes, seconds = divmod(round((epochs - entry["epoch"]) * entry["seconds"]), 60)
    figures = ", ".join(
        f"{name.replace('_', ' ')} {value:.4g}"
        for name, value in entry.items()
        if name == "train_loss" or name.startswith("validation")
    )
    return (
        f"epoch {entry['epoch']:.0f}/{epochs}: {figures}; {entry['images_per_second']:,.0f} images/s, "
        f"{minutes} min {seconds} s left"
    )
