"""Neural fields: kernels, encodings, fields, rendering, training."""
