"""Classifiers: frozen features with a linear probe, or the whole backbone fine-tuned."""
