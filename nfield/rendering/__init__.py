"""Volume rendering: samplers place samples, fields shade them, compositing makes pixels."""
