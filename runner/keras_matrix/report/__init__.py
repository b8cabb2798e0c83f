"""Show a comparison: as a table, in words, as Markdown, as JSON; and the progress of a run."""
