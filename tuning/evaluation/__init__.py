"""Perplexity: static, with a neural cache, and learning while reading."""
