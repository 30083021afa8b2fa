"""Benchmarks of Meridian beside other implementations in one run: ratios are stable where absolute figures drift."""
