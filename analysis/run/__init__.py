"""A study and what there is of it: units, tables, pictures. Reads, never makes."""
