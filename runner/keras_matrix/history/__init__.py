"""The history of runs: what each came to, kept after its folder is gone."""
