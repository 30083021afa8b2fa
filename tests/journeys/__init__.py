"""Whole purchases through every service, and the faults they meet."""
