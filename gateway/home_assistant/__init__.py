"""What the household's own Home Assistant is told, if the household wants that; never through our broker."""
