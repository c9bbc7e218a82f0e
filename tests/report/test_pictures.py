"""Pictures of samples: what stands in them, and in which order."""

import numpy as np

from swflow.report.pictures.common import by_class


def test_classes_stand_in_order_and_begin_anew_where_one_is_small() -> None:
    label = np.array([7, 3, 7, 7, 3, 7])
    first, second, third = by_class(label, 3)
    assert label[first].tolist() == [3, 7] * 4
    # Each row once, then the third 3 is the first again.
    assert first.tolist() == [1, 0, 4, 2, 1, 3, 4, 5]
    assert second.tolist()[:2] == [1, 0]
    assert set(label[third]) == {3, 7}
