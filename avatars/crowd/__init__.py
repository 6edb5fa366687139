"""People by the thousand, with words for what they wear: what an image-text model of people learns from."""
