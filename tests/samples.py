"""Real texts that lie beside some checkouts: other people's, so they are not in the project."""

from pathlib import Path

import pytest

SAMPLES = Path(__file__).parents[2] / "shared" / "samples"

# a clone has none of them: each rule that they show has a text of our own in another test
needs_samples = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="no shared/samples beside the checkout"
)
