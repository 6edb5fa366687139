"""The semantic prior: what a person plausibly looks like where the photo does not look (ELICIT, Huang et al. 2023).

Crops of the avatar from other sides are to mean the same to a frozen image-text model as crops of the photo.
"""
