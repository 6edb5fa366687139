"""What the page's panel holds, one part per file; each adds its controls to a page."""
