"""Ray's workers of tests run with the tests' own priority."""

RAY_PRIORITY = {"RAY_worker_niceness": "0"}
"""Environment of what starts Ray. Ray's own 15 leaves its workers nothing where other programs keep all cores busy."""
