"""What goes wrong with submissions: each corruption under the code that the diagnosis should give it.

A corruption takes a good table (ids as text in the column `id`) and a random generator, and returns the bad
one, or None where it has no meaning for the format.
"""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from benchmarks.drawn_submissions import Random, Table

Corruption = Callable[[Table, Random], Table | None]


def applicable(table: Table, code: str, rng: Random) -> Iterator[tuple[str, Table]]:
    """Every corruption of `code` that has a meaning for `table`: its name and the bad table."""
    for corruption in CORRUPTIONS[code]:
        bad = corruption(table, rng)
        if bad is not None:
            yield corruption.__name__.strip("_"), bad


def _values(table: Table) -> Table:
    return table.drop(columns="id")


def _is_numbers(table: Table) -> bool:
    return all(pd.api.types.is_numeric_dtype(kind) for kind in _values(table).dtypes)


def _with_values(table: Table, values: Table | np.ndarray) -> Table:
    bad = pd.DataFrame(np.asarray(values), columns=_values(table).columns)
    bad.insert(0, "id", table["id"].to_numpy())
    return bad


def _of_numbers(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Table], Table | None]:
    return lambda table: _with_values(table, change(_values(table).to_numpy())) if _is_numbers(table) else None


def _probabilities(table: Table) -> bool:
    return _is_numbers(table) and bool(_values(table).min().min() >= 0 and _values(table).max().max() <= 1)


def _rows_lost(table: Table, rng: Random) -> Table:
    return table.drop(index=rng.choice(len(table), size=int(rng.integers(1, 20)), replace=False))


def _last_rows_lost(table: Table, rng: Random) -> Table:
    return table.iloc[: -int(rng.integers(1, len(table) // 3))]


def _ids_as_decimals(table: Table, rng: Random) -> Table:
    return table.assign(id=[f"{text}.0" for text in table["id"]])


def _rows_added(table: Table, rng: Random) -> Table:
    more = table.iloc[: int(rng.integers(1, 20))]
    return pd.concat([table, more.assign(id=[f"more_{text}" for text in more["id"]])])


def _rows_repeated(table: Table, rng: Random) -> Table:
    return pd.concat([table, table.iloc[rng.choice(len(table), size=int(rng.integers(1, 20)))]])


def _id_written_twice(table: Table, rng: Random) -> Table:
    first, second = rng.choice(len(table), size=2, replace=False)
    ids = table["id"].to_numpy().copy()
    ids[first] = ids[second]
    return table.assign(id=ids)


def _shift(table: Table, rng: Random) -> int:
    return int(rng.choice([1, -1, 2, -5, len(table) // 4, int(rng.integers(3, len(table) // 3))]))


def _rows_rolled(table: Table, rng: Random) -> Table:
    return _with_values(table, np.roll(_values(table).to_numpy(), _shift(table, rng), axis=0))


def _rows_slipped(table: Table, rng: Random) -> Table:
    """As after a dropped or a repeated row: the edge is filled with the last value that there is."""
    rows = np.clip(np.arange(len(table)) - _shift(table, rng), 0, len(table) - 1)
    return _with_values(table, _values(table).to_numpy()[rows])


def _rows_upside_down(table: Table, rng: Random) -> Table:
    return _with_values(table, _values(table).to_numpy()[::-1])


def _made_by_text(table: Table, rng: Random) -> Table | None:
    order = np.argsort(table["id"].to_numpy(dtype=str), kind="stable")
    if np.array_equal(order, np.arange(len(table))):
        return None  # ids of one length: both orders are one
    return _with_values(table, _values(table).to_numpy()[order])


def _made_by_number(table: Table, rng: Random) -> Table | None:
    order = np.argsort(table["id"].to_numpy(dtype=str), kind="stable")
    if np.array_equal(order, np.arange(len(table))):
        return None
    by_text = table.iloc[order].reset_index(drop=True)
    return _with_values(by_text, _values(table).to_numpy())


def _values_shuffled(table: Table, rng: Random) -> Table:
    return _with_values(table, _values(table).to_numpy()[rng.permutation(len(table))])


def _ids_shuffled(table: Table, rng: Random) -> Table:
    return table.assign(id=rng.permutation(table["id"].to_numpy()))


def _renamed(table: Table, target: Callable[[int], np.ndarray]) -> Table | None:
    """Columns, labels or tags: what was class i becomes class `target[i]`."""
    values = _values(table)
    if _is_numbers(table):
        if values.shape[1] < 2:
            return None
        return _with_values(table, values.to_numpy()[:, target(values.shape[1])])
    words = sorted({word for text in values.iloc[:, 0] for word in text.split()})
    to = dict(zip(words, (words[i] for i in target(len(words))), strict=True))
    end = " " if values.iloc[0, 0].endswith(" ") else ""
    texts = [" ".join(to[word] for word in text.split()) + end for text in values.iloc[:, 0]]
    return _with_values(table, np.array(texts, dtype=object)[:, None])


def _classes_shifted(table: Table, rng: Random) -> Table | None:
    return _renamed(table, lambda classes: np.roll(np.arange(classes), 1))


def _classes_shuffled(table: Table, rng: Random) -> Table | None:
    return _renamed(table, lambda classes: _derangement(classes, rng))


def _derangement(classes: int, rng: Random) -> np.ndarray:
    """A permutation that leaves no class in its place."""
    while True:
        order = rng.permutation(classes)
        if (order != np.arange(classes)).all():
            return order


def _two_classes_swapped(table: Table, rng: Random) -> Table | None:
    values = _values(table)
    if _is_numbers(table):
        common = values.std().to_numpy().argsort()[::-1]
    else:
        words = pd.Series(" ".join(values.iloc[:, 0]).split()).value_counts().sort_index()
        share = words.to_numpy() / len(table)
        common = (share * (1 - share)).argsort()[::-1]  # a tag of nearly all rows hardly shows where it went

    def target(classes: int) -> np.ndarray:
        order = np.arange(classes)
        order[common[[0, 1]]] = order[common[[1, 0]]]
        return order

    return _renamed(table, target)


def _turned_round(table: Table, rng: Random) -> Table | None:
    two_columns = _is_numbers(table) and _values(table).shape[1] == 2
    if _probabilities(table):
        return None if two_columns else _of_numbers(lambda p: 1 - p)(table)  # two columns: the classes swapped
    return _of_numbers(lambda values: -values)(table)


def _sign_changed(table: Table, rng: Random) -> Table | None:
    return _of_numbers(lambda values: -values)(table)


def _other_tags(table: Table, rng: Random) -> Table | None:
    texts = _values(table).iloc[:, 0].astype(str)
    if _is_numbers(table) or not texts.str.contains(" ").any():
        return None
    words = sorted({word for text in texts for word in text.split()})
    return _with_values(table, [[" ".join(w for w in words if w not in text.split()) + " "] for text in texts])


def _logarithm(table: Table, rng: Random) -> Table | None:
    if not _probabilities(table):
        return _of_numbers(np.log1p)(table) if _is_numbers(table) and _values(table).min().min() > 0 else None
    return _of_numbers(lambda p: np.log(np.clip(p, 1e-15, None)))(table)


def _scaled(change: Callable[[np.ndarray], np.ndarray], name: str) -> Corruption:
    def corruption(table: Table, rng: Random) -> Table | None:
        return _of_numbers(change)(table)

    corruption.__name__ = name
    return corruption


def _constant(table: Table, rng: Random) -> Table:
    return _with_values(table, np.repeat(_values(table).to_numpy()[:1], len(table), axis=0))


def _average_everywhere(table: Table, rng: Random) -> Table | None:
    return _of_numbers(lambda values: np.repeat(values.mean(axis=0, keepdims=True), len(values), axis=0))(table)


def _guessed(table: Table, rng: Random) -> Table:
    """Guesses that know nothing, not even how the predictions are distributed."""
    values = _values(table)
    if _is_numbers(table):
        low, high = values.to_numpy().min(axis=0), values.to_numpy().max(axis=0)
        return _with_values(table, rng.uniform(low, high, size=values.shape))
    words = sorted({word for text in values.iloc[:, 0] for word in text.split()})
    end = " " if values.iloc[0, 0].endswith(" ") else ""
    if values.iloc[:, 0].str.strip().str.contains(" ").any():
        present = rng.random((len(values), len(words))) < 0.5
        return _with_values(table, [[" ".join(np.array(words)[row]) + end] for row in present])
    shares = rng.permutation(np.arange(1, len(words) + 1) ** 2.0)
    return _with_values(table, rng.choice(words, size=(len(values), 1), p=shares / shares.sum()))


CORRUPTIONS: dict[str, tuple[Corruption, ...]] = {
    "ids_missing": (_rows_lost, _last_rows_lost, _ids_as_decimals),
    "ids_extra": (_rows_added,),
    "ids_duplicated": (_rows_repeated, _id_written_twice),
    "rows_shifted": (_rows_rolled, _rows_slipped),
    "rows_reversed": (_rows_upside_down,),
    "rows_sorted": (_made_by_text, _made_by_number),
    "rows_permuted": (_values_shuffled, _ids_shuffled),
    "classes_permuted": (_classes_shifted, _classes_shuffled, _two_classes_swapped),
    "inverted": (_turned_round, _sign_changed, _other_tags),
    "log_probabilities": (_logarithm,),
    "rescaled": (
        _scaled(lambda x: 100 * x, "percent"),
        _scaled(lambda x: x / 255, "divided_by_255"),
        _scaled(lambda x: 2 * x + 5 * x.std() + 1, "times_two_and_moved"),
        _scaled(lambda x: (x - x.mean(axis=0)) / x.std(axis=0), "standardised"),
    ),
    "constant": (_constant, _average_everywhere),
    "unrelated": (_guessed,),
}
