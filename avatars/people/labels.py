"""What the pixels of a person show."""

LABELS = ("background", "skin", "hair", "top", "bottom", "shoes", "outer")
"""Names by index. Eyes count as skin, socks as shoes, coats as outer, dresses and skirts as bottom."""
