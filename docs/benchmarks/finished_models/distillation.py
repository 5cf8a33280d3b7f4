"""A small CNN with a teacher and without: 5,000 CIFAR-10 labels, the other images unlabelled.

The teacher is MobileNetV2 at 96 pixels, fine-tuned on the 5,000 labels. The student learns from
it on all training images, or without it on the 5,000, for as many steps of the same batch size.
Seeds change the student's weights and dropout; both have the same seeds, so differences are
paired. About 25 minutes on 2 CPUs. Writes its section of docs/benchmarks.md.

    TL_KERAS_DATA=folder python -m docs.benchmarks distillation --weights mobilenet_v2_no_top.h5
"""

import math
import time

from docs.benchmarks.shared.cifar import LABELS_PER_CLASS, SIZE, accuracy, fine_tuned, load_cifar
from docs.benchmarks.shared.page import machine, replace_section, table_head

BATCH = 128


def add_options(options):
    options.add_argument("--weights", required=True, help="ImageNet weights of MobileNetV2")
    options.add_argument("--unlabelled", type=int, default=45_000)
    options.add_argument("--student", default="small", help="architecture of CNN")
    options.add_argument("--seeds", type=int, default=3, help="at least 2")
    options.add_argument("--teacher-epochs", type=int, default=8)
    options.add_argument("--epochs", type=int, default=10, help="over all training images")
    options.add_argument("--views", type=int, default=2)


def main(given):
    if given.seeds < 2:
        raise SystemExit(
            f"Expected --seeds of at least 2, for an interval; received {given.seeds}."
        )
    from tl_keras.training.fine_tuning.inputs import random_part

    started = time.monotonic()
    labelled, rest, test = load_cifar()
    teacher = fine_tuned(given.weights, labelled, given.teacher_epochs)
    of_teacher = accuracy(teacher, test)
    rest = random_part(rest, given.unlabelled, 0)
    rows, answers = [], None
    for seed in range(given.seeds):
        with_teacher, history = taught(given, seed, teacher, labelled, rest, answers)
        answers = history.answers
        rows.append(
            (accuracy(with_teacher, test), accuracy(alone(given, seed, labelled, rest), test))
        )
        print(f"seed {seed}: with {rows[-1][0]:.1f} %, without {rows[-1][1]:.1f} %", flush=True)
    write_table(given, rows, of_teacher, time.monotonic() - started)


def student(given, seed):
    import keras

    from tl_keras import CNN

    keras.utils.set_random_seed(seed)
    model = CNN(10, architecture=given.student)
    model.build((None, 32, 32, 3))
    return model


def taught(given, seed, teacher, labelled, rest, answers):
    from tl_keras import distill

    model = student(given, seed)
    how = {"epochs": given.epochs, "views": given.views, "batch_size": BATCH}
    return model, distill(model, teacher, labelled, unlabelled=rest, answers=answers, **how)


def alone(given, seed, labelled, rest):
    """Trains the student on the labels alone, for at least as many steps."""
    from tl_keras import fit_from_scratch

    steps = given.epochs * math.ceil((len(labelled) + len(rest)) / BATCH)
    epochs = math.ceil(steps / math.ceil(len(labelled) / BATCH))
    model = student(given, seed)
    fit_from_scratch(model, labelled, epochs=epochs, batch_size=BATCH)
    return model


def interval(differences):
    """(mean, half of its 95 % interval by Student's t)."""
    import numpy as np
    from scipy import stats

    error = np.std(differences, ddof=1) / math.sqrt(len(differences))
    return float(np.mean(differences)), float(stats.t.ppf(0.975, len(differences) - 1) * error)


def write_table(given, rows, of_teacher, seconds):
    labels = 10 * LABELS_PER_CLASS
    mean, half = interval([with_teacher - without for with_teacher, without in rows])
    lines = [
        f"`make benchmark-distillation`, {machine()}, {seconds / 60:.0f} minutes. CIFAR-10 with "
        f"{labels:,} labels and {given.unlabelled:,} images without. Teacher: MobileNetV2 at "
        f"{SIZE} pixels, fine-tuned on the labels, {of_teacher:.1f} % of the test set. Student: "
        f"CNN `{given.student}` at 32 pixels, {given.epochs} epochs over all images, "
        f"{given.views} views of each, temperature 4, alpha 0.9; without a teacher as many steps "
        "on the labels. Nothing was chosen on other labels; seeds change the student's weights "
        "and dropout, the teacher is one.",
        "",
        *table_head("seed", "student with teacher", "student without", "difference"),
    ]
    for seed, (with_teacher, without) in enumerate(rows):
        lines.append(
            f"| {seed} | {with_teacher:.1f} % | {without:.1f} % | {with_teacher - without:+.1f} |"
        )
    lines += [
        "",
        f"Difference {mean:+.1f} ± {half:.1f} points (95 % interval of the paired difference, "
        f"Student's t, {len(rows)} seeds).",
    ]
    replace_section("Distillation", lines)
