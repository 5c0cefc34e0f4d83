"""Lowering: plans answer as the models they were made of."""
