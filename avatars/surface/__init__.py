"""The dressed body's surface: how it grows to the outline, takes the photo's colours, and gets the others."""
