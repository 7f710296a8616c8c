"""The report of a run: what was found out, put into the terms of `analysis/report`."""
