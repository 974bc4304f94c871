"""What a language model learns by: the full softmax, or what costs less."""
