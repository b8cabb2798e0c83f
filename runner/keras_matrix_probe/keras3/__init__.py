"""What is known of Keras 3: first weights, the order of samples, metrics, and what it dropped.

In: the imported Keras. Out: the same events as under Keras 2. It names no backend.
"""
