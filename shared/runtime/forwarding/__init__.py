"""Requests that another cell answers: handed on raw to the same row where that cell is served, in one hop."""
