"""Makes assets/motions/ by a gait model and by key poses with splines, from nothing but the numbers written here."""
