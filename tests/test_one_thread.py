"""Small linear algebra does not wait for other threads."""

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from tl_keras.one_thread import one_thread


def threads():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_there_is_one_thread_within_and_as_many_as_before_after():
    assert np.linalg.norm([3.0, 4.0]) == 5.0, "with a BLAS"
    with threadpool_limits(2):  # which this process may have one of
        assert set(threads()) == {2}
        with one_thread():
            assert set(threads()) == {1}
        assert set(threads()) == {2}
