"""From a study to image shards: study -> plan -> noise, models, guidance, sampler -> generate -> store."""
