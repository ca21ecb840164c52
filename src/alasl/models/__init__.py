"""Classifiers: frozen features with a linear head, or the whole backbone fine-tuned."""
