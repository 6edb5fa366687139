"""Pictures as fields: fitted, measured, drawn and decoded."""
