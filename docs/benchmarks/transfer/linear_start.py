"""Time and memory of the linear start on generated features, for more and more images.

    python -m docs.benchmarks linear_start --images 5000 20000 60000

Each number of images has a process of its own, so that the peak of resident memory is its own.
"""

import resource
import time

import numpy as np

from docs.benchmarks.shared.page import table_head
from docs.benchmarks.shared.processes import output_of

CENTRES = 0.08  # spread of the centres of the classes, beside noise of 1


def add_options(options):
    options.add_argument("--images", type=int, nargs="+", default=[5000, 20000, 60000])
    options.add_argument("--classes", type=int, default=10)
    options.add_argument("--dimensions", type=int, default=1280)


def main(given):
    if len(given.images) == 1:
        measure(given.images[0], given.classes, given.dimensions)
        return
    columns = ("images", "features, GB", "resident before", "peak", "s", "processor s", "C")
    print("\n".join(table_head(*columns, "right")), flush=True)
    for images in given.images:
        size = ("--classes", given.classes, "--dimensions", given.dimensions)
        print(output_of("linear_start", "--images", images, *size), end="", flush=True)


def measure(images, classes, dimensions):
    """Prints one line: images, size of the features, seconds, processor seconds, peak in GB."""
    from tl_keras.training.fine_tuning.linear_start import fit_linear_start

    generator = np.random.default_rng(0)
    labels = np.arange(images) % classes
    centres = generator.normal(0, CENTRES, (classes, dimensions)).astype(np.float32)
    features = np.empty((2, images, dimensions), np.float32)
    for view in features:
        for start in range(0, images, 1000):
            rows = slice(start, start + 1000)
            view[rows] = generator.standard_normal((len(view[rows]), dimensions), np.float32)
            view[rows] += centres[labels[rows]]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started, worked = time.perf_counter(), time.process_time()
    fit = fit_linear_start(features, labels, classes)
    seconds, work = time.perf_counter() - started, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    right = (fit.predict(features[:, :1000])[0].argmax(axis=1) == labels[:1000]).mean()
    print(
        f"| {images:,} | {features.nbytes / 1e9:.2f} | {before / 1e6:.2f} | {peak / 1e6:.2f} | "
        f"{seconds:.0f} | {work:.0f} | {fit.strength:g} | {right:.3f} |",
        flush=True,
    )
