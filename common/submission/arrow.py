"""Arrow arrays to NumPy and back without pandas.

Arrow's own `to_numpy()`, `pa.array()` and `pa.scalar()` import pandas where it is installed, which takes
longer than reading and comparing two files of a hundred thousand rows.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def to_numpy(array: pa.Array) -> np.ndarray:
    """The values of an array of whole or floating-point numbers without nulls; shares memory, read-only."""
    return np.from_dlpack(array)


def to_numpy_or(array: pa.Array, otherwise: int) -> np.ndarray:
    """As `to_numpy`, of an int32 array, with `otherwise` for nulls."""
    values = np.frombuffer(array.buffers()[1], np.int32, len(array), 4 * array.offset)
    valid = to_numpy(pc.cast(pc.is_valid(array), pa.int8()))
    return np.where(valid, values, otherwise)


def from_numpy(values: np.ndarray) -> pa.Array:
    """An int64 array; shares memory."""
    values = np.ascontiguousarray(values, dtype=np.int64)
    return pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(values)])
