"""Time to decide tags by the highest expected F-beta, beside a threshold a tag: `python -m benchmarks.decoding`.

On drawn probabilities; deciding by thresholds is what is customary, and fitting them counts. Processor seconds of one
thread, median of runs in turn.
"""

from statistics import median
from time import process_time

import numpy as np

from common.decoding.expected_fbeta import Exclusive, expected_fbeta
from common.decoding.thresholds import threshold_a_tag

RUNS = 5
CASES = (
    ("planet's test set, F2, weather exclusive", 61_191, 17, 2.0, Exclusive((0, 1, 2, 3), (3,))),
    ("planet's test set, F2", 61_191, 17, 2.0, None),
    ("22 tags, F1", 61_191, 22, 1.0, None),
)


def main() -> None:
    print("| case | rows x tags | expected F-beta, s | fitting a threshold a tag, s |\n|---|---|---|---|")
    for name, rows, tags, beta, exclusive in CASES:
        random = np.random.default_rng(3)
        probabilities = random.random((rows, tags)) ** 2
        truth = (random.random((rows, tags)) < probabilities).astype(np.float64)
        seconds: dict[str, list[float]] = {"expected": [], "thresholds": []}
        for _ in range(RUNS):
            begin = process_time()
            expected_fbeta(probabilities, beta, exclusive)
            middle = process_time()
            threshold_a_tag(truth, probabilities, beta)
            seconds["expected"].append(middle - begin)
            seconds["thresholds"].append(process_time() - middle)
        ours, theirs = median(seconds["expected"]), median(seconds["thresholds"])
        print(f"| {name} | {rows:,} x {tags} | {ours:.2f} | {theirs:.2f} |", flush=True)


if __name__ == "__main__":
    main()
