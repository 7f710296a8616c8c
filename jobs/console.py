"""Where commands print: what they say is text, in which no bracket or number means anything."""

from rich.console import Console

out = Console(markup=False, highlight=False)
notes = Console(stderr=True, markup=False, highlight=False)
