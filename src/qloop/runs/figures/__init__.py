"""Figure values as SVG, one kind of picture per file, all in one style."""
