"""Images of `tl-keras train` other than the labelled ones.

- letters_task: drawn letters as the source task where ImageNet weights are not to be had
- source: source of joint training: its data, its classifier, its accuracy before and after
- unlabelled: images without labels, and the phase that uses them
"""
