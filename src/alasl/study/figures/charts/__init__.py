"""What figures are made of: curves with bands, rows of dots, lines along a setting."""

# Of a figure, in inches.
WIDTH = 5.4
MAP = "mAP on the test set (%)"
