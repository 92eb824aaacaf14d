"""Whatever was acknowledged survives kill -9, power cuts and failing writes, in the order and form in which it was told.

The driver is crash.py. That it can fail is tested, too: without synced commits a power cut loses facts, and it says so."""
import os

import pytest

from crash import Run
from faulty_server import a_seed

pytestmark = pytest.mark.sqlite

KILLS = int(os.environ.get("CRASH_KILLS", 30))


@pytest.mark.slow
def test_random_histories():
    Run(a_seed()).go(KILLS)


@pytest.mark.slow
def test_the_driver_finds_losses():
    """The same with commits that are not synced: sooner or later a power cut takes a fact away."""
    for seed in range(5):
        try:
            Run(seed, args=["--set", "store.sync=normal"], endings=("power",)).go(6, say=lambda *a, **k: None)
        except AssertionError as e:
            print(str(e)[:300])
            return
    raise AssertionError("nothing was lost")
