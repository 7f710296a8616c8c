"""Printed text in pictures: found, read, and counted as an artefact where none was asked for."""
