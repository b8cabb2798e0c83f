"""What is known of Keras 2: its training calls, models, first weights and data sets."""
