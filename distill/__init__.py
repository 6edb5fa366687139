"""Conversion of any trained field to any other architecture by progressive volume distillation (Fang et al. 2023)."""
