"""The tests mirror the code; journeys, faults and architecture stand beside them. A test's docstring is its promise."""
