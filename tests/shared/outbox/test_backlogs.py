"""What waits in several services, as the metrics of the one process that works it off."""

from shared.outbox.backlogs import total


def test_several_outboxes_are_one_backlog() -> None:
    """All that waits, and for how long the oldest of all has."""
    assert total([(2, 1.5), (0, 0.0), (3, 9.0)]) == (5, 9.0)
    assert total([(0, 0.0)]) == (0, 0.0)
