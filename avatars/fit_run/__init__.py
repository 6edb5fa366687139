"""A fit in its run folder: what was asked for, what is known so far, and how it goes on from there."""
