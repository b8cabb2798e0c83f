"""Where in a model the backends start to differ.

In: a request, and what cells captured of the model while they trained it. Out: findings in the
order of the computation, each with its place, its size and, if known, its cause. Measuring and
judging are pure; ``session`` and ``rounds`` run the cells.
"""
