"""Where the project's own files lie, for tests in any folder."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "configs"
SPROUT = ROOT / "pipeline" / "sprout"
SHARED = ROOT.parent / "shared"
"""Data beside the working tree, which may be absent."""
