"""The rollout on one machine: functions hosts as revisions, behind an edge whose split changes while it runs."""
