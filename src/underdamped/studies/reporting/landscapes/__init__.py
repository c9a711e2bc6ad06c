"""Sections of the page of the non-convex study, one file each, from its records alone."""
