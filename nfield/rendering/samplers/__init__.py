"""Samplers: where along rays a field is asked."""
