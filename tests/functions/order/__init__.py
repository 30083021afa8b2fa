"""The order service: its rules, its saga on fakes, and its operations on real parts."""
