"""Supplies: what merchants put on sale, and the stock of it.

It promises that no more is sold than there is: quantity = available + reserved + sold in each cell at every moment,
and a reservation is committed or released once, whatever repeats.
"""
