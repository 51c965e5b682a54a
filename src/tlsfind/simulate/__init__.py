"""The active loop played on a labelled table, before anybody spends paths."""
