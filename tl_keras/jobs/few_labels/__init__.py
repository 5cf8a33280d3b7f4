"""Jobs of the commands for few labels.

- few_shot/: `few-shot`
- zero_shot/: `zero-shot`
- label/: `label`
- recommend/: `recommend`, and `train --policy auto`
- enough: `enough`, accuracy that more labels will bring
"""
