"""What the building's management system and the grid operator see of the site, and how they limit it."""
