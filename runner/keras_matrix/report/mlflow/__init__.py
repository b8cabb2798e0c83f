"""Runs as MLflow runs.

In: a run loaded from disk, with its comparison. Out: parameters, metrics, tags and artifacts of an
MLflow run. The package ``mlflow`` is imported only when something is sent.
"""
