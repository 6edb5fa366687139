"""Training: tasks say what is optimised and why, one loop optimises, hooks watch."""
