"""Random truth and predictions of each kind, for the tests of metrics."""


def binary(random, n):
    """Truth and coarse probabilities, so that ties occur."""
    return random.integers(0, 2, n).astype(float), random.integers(0, 11, n) / 10


def multiclass(random, n, classes=5):
    weights = random.integers(1, 6, (n, classes)).astype(float)
    return random.integers(0, classes, n).astype(float), weights / weights.sum(axis=1, keepdims=True)


def multilabel(random, n, classes=4):
    return random.integers(0, 2, (n, classes)).astype(float), random.integers(0, 11, (n, classes)) / 10


def numbers(random, n):
    return random.integers(0, 50, n).astype(float), random.uniform(0, 50, n)


def ratings(random, n):
    return random.integers(0, 5, n).astype(float), random.uniform(-0.4, 4.4, n)
