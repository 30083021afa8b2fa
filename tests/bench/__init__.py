"""Meridian's speed, side by side with others' in one run: ratios hold where absolute figures drift."""
