"""The report on a store: one page of HTML with a table of the runs and their curves."""
