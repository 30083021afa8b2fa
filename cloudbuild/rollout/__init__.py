"""The rollout: a release goes out beside the one that serves, step by step, and comes back by itself."""
