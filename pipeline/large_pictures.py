"""Pictures as large as large cameras make them are read without a warning."""

import warnings


def accept_large_pictures() -> None:
    """Silence Pillow's warning of a "decompression bomb", from 89 million pixels on. Twice that it refuses, here as elsewhere.

    For a program or a worker at its start. Filters belong to a process: `catch_warnings` round each reading would undo what
    other threads set meanwhile, and a library that only is imported leaves them as they are. By the words of the warning, so
    that a command need not import Pillow first.
    """
    warnings.filterwarnings("ignore", r"Image size .* exceeds limit", module=r"PIL\.")
