"""Trains a GAN on MNIST and prints, as it goes, what its samples are worth.

Classes covered, Fréchet distance, precision and recall in the features of a small classifier that
is trained first on the same images, beside what held-out real images get. Test images are
the held-out ones; nothing is chosen by them here. Needs mnist.npz in the folder that TL_KERAS_DATA
names.

    TL_KERAS_DATA=folder python -m docs.benchmarks gan_quality --minutes 25 --grid samples.png
"""

import json
import time

from docs.benchmarks.shared.data_folder import data_file

SAMPLES = 1000


def add_options(options):
    options.add_argument("--minutes", type=float, default=25.0, help="of training")
    options.add_argument("--epochs", type=int, default=1000, help="at most")
    options.add_argument("--batch-size", type=int, default=64)
    options.add_argument("--every", type=int, default=5, help="epochs between measurements")
    options.add_argument("--classifier-epochs", type=int, default=3)
    options.add_argument("--gan", default="{}", help='JSON, such as {"width": 48}')
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--grid", default="gan_samples.png")
    options.add_argument("--save", help="where to write the model, .keras")
    options.add_argument("--beside", help="a .keras model whose samples are measured too")


def main(given):
    import keras

    from tl_keras import GAN, fit_sample_classifier, load_dataset, load_model

    data = load_dataset(data_file("mnist.npz"))
    keras.utils.set_random_seed(given.seed)
    started = time.monotonic()
    classifier = fit_sample_classifier(data.train, epochs=given.classifier_epochs)
    print(f"classifier: {time.monotonic() - started:.0f} s, {accuracy(classifier, data.test):.2%}")
    gan = GAN((28, 28), seed=given.seed, **json.loads(given.gan))
    gan.compile(steps_per_execution=8)
    print(f"weights: {gan.generator.count_params():,} and {gan.discriminator.count_params():,}")
    watch = watching(classifier, data, given)
    gan.fit(
        data.train.images,
        data.train.labels,
        batch_size=given.batch_size,
        epochs=given.epochs,
        verbose=0,
        callbacks=[watch],
    )
    watch.report(gan)
    if given.beside:
        print(f"Samples of {given.beside}:")
        measure(load_model(given.beside), classifier, data)
    if given.save:
        gan.save(given.save)


def accuracy(classifier, test):
    return classifier.evaluate(test.images, test.labels, verbose=0, return_dict=True)["accuracy"]


def watching(classifier, data, given):
    """A callback that measures every few epochs and stops when the time is up."""
    import keras

    class Watch(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.seconds, self.since = 0.0, time.monotonic()
            self.reported = None

        def on_train_batch_end(self, batch, logs=None):
            spent = self.seconds + time.monotonic() - self.since
            if spent > given.minutes * 60:
                self.model.stop_training = True

        def on_epoch_end(self, epoch, logs=None):
            # What measuring takes is not training.
            self.seconds += time.monotonic() - self.since
            print(epoch + 1, {name: round(float(value), 3) for name, value in logs.items()})
            if (epoch + 1) % given.every == 0:
                self.report(self.model)
            self.since = time.monotonic()

        def report(self, gan):
            steps = int(gan.optimizer.iterations)
            if steps == self.reported:
                return
            self.reported = steps
            print(f"{steps} steps in {self.seconds:.0f} s, {steps / self.seconds:.1f} steps/s")
            save_grid(measure(gan, classifier, data), given.grid)

    return Watch()


def measure(model, classifier, data):
    """Prints what 1,000 samples of `model` are worth; returns them."""
    from tl_keras import evaluate_samples, nearest_images
    from tl_keras.reports.figures.grid_callback import as_images

    samples = as_images(model.sample(SAMPLES, seed=1))
    held_out = data.test.images
    measured = evaluate_samples(samples, data.train.images, classifier, held_out=held_out)
    for name, figures in (("samples ", measured), ("held out", measured["floor"])):
        shares = " ".join(f"{share:.1%}" for share in figures["class_shares"])
        print(
            f"  {name}: Fréchet {figures['frechet_distance']:.2f}, precision "
            f"{figures['precision']:.3f}, recall {figures['recall']:.3f}, classes "
            f"{figures['classes_covered']} ({shares})"
        )
    for name, images in (("samples ", samples[:500]), ("held out", held_out[:500])):
        _, distances = nearest_images(images, data.train.images)
        print(f"  {name}: {sorted(distances)[len(distances) // 2]:.1f} to the nearest, median")
    return samples


def save_grid(samples, grid):
    from PIL import Image

    from tl_keras.files import replacing
    from tl_keras.reports.figures.image_grids import image_grid

    with replacing(grid) as path:
        Image.fromarray(image_grid(samples[:100], scale=2)).save(path)
