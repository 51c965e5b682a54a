"""Figures, tables, the summary and the report of a run."""
