"""People whose looks are known from every side: dressed bodies, their materials, and exact pictures of them."""
