"""Tables of shards: published once, committed by a receipt."""
