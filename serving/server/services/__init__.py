"""The services of the gRPC port."""
