"""Finished models made smaller, exported and explained."""
