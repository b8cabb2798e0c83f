"""Shrink a whole model to the smallest script that still shows a finding.

In: a finding of a trace, and the reference's capture of the model. Out: a script that shows the
same finding, what it was reduced by, and the nearest script that agrees. Describing, writing,
proposing and searching are pure; ``bench`` runs cells, and ``store`` writes files.
"""
