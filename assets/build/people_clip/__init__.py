"""Trains `assets/semantic/people.safetensors`, an open_clip model of people, on people that are made as it learns.

    python -m assets.build.people_clip --minutes 240                 (from nothing; two cores: one of them makes people)
    python -m assets.build.people_clip --minutes 240 --resume

Needs the extra `clip` (open_clip_torch), and no data at all.
"""
