"""A pause of the process counts for little, and what passes while it works counts in full."""

from seedscope.pipeline.running.awake import LONGEST_LOOK, AwakeClock


def test_time_that_is_looked_at_counts_and_a_pause_does_not() -> None:
    now = [1000.0]
    awake = AwakeClock(lambda: now[0])
    begun = awake()
    for _ in range(30):
        now[0] += 1.5
        worked = awake() - begun
    assert worked == 45.0
    now[0] += 100_000.0  # the driver was stopped; its workers were not
    assert awake() - begun == 45.0 + LONGEST_LOOK
