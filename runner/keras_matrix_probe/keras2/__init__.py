"""What is known of Keras 2: its training calls, models, first weights and data sets.

In: the imported Keras. Out: events of what the script trains. It names no backend.
"""
