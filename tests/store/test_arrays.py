"""Arrays survive their blob bit by bit."""

import numpy as np

from app.store.arrays import from_blob, surplus, to_blob


def test_arrays_come_back_with_shape_dtype_and_bits() -> None:
    given = {"q": np.array([[0.1, np.nan], [-0.0, np.inf]], np.float32), "actions": np.arange(3, dtype=np.int32)}
    found = from_blob(*to_blob(given))
    assert found.keys() == given.keys()
    for name, array in given.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        assert found[name].tobytes() == array.tobytes()


def test_surplus_keeps_both_ends() -> None:
    assert surplus([0, 1, 2, 3, 4], limit=4) == [1, 3]
    assert surplus([0, 1, 2, 3], limit=4) == []
