"""Options of the commands for few labels.

- few_shot: `few-shot`
- zero_shot: `zero-shot`
- label: `label`
- recommend: `recommend`, and the strategies among which it chooses
- enough: `enough`
"""
