"""Fitting an avatar to its photo, as data: stages hold terms, a term is a loss with a weight schedule.

A new term is a class with the attributes of `avatars.fitting.terms.Term`; put it into a stage's `terms`. Other rays to
look at are a `RaySampling` (`avatars.fitting.rendering`). The stages are listed in `avatars.fitting.stages`.
"""
