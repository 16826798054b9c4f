"""Douyin's web interface: identity, signing, requests, protobuf."""
