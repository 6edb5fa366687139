"""`nfield bench convert`: every architecture taught by every other, beside what each learns from photos."""
