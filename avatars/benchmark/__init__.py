"""How good avatars are on generated people, whose truth is known from every side and in every pose."""
