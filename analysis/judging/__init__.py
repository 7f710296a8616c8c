"""From the measurements of a run to what is known of its seeds: ranking, golden and diverse seeds, maps."""
