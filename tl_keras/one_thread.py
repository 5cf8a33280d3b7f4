"""Linear algebra of scikit-learn and NumPy on one thread."""

import contextlib


@contextlib.contextmanager
def one_thread():
    """Within it, BLAS and OpenMP use one thread; afterwards as many as before.

    Small products done thousands of times, as in logistic regression, k-means and t-SNE, gain
    nothing from threads that wait for each other, and where other processes want the cores they
    stand still: a linear probe on 1,437 digits took 0.5 s with one thread, and minutes with two.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield
