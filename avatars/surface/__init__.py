"""The surface of a dressed person."""
