"""Tests of delivery: the rollout, compatibility, Cloud Build's files."""
