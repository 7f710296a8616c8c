"""Mistakes and mishaps that a person can fix: one sentence with the place and the remedy, shown without a traceback."""


class UserError(Exception):
    """What was wrong, where, and what to do. Raised in a stage, it stops the run: trying again would not help."""


class StudyError(UserError):
    """A study, or a file that it names, is not valid."""


class ModelError(UserError):
    """A model cannot be found, loaded, or asked for what the study wants of it."""


class FeatureError(UserError, ValueError):
    """A feature that does not exist, or a network whose weights are missing, wrong or unsafe; one sentence for people."""


class StorageError(UserError):
    """The output cannot be written: no permission, no space, a file in the way."""


class AccessDenied(StorageError):
    """A store does not let this process do what it asks for."""


class ReadOnly(StorageError):
    """The place can only be read."""


class DamagedObject(StorageError, OSError):
    """An object in a store does not match the checksum that the store keeps, however often it is read."""


class RunChanged(UserError):
    """The run folder was made by another study."""


class RunBusy(UserError):
    """Another process works on the run folder."""


class CorruptShard(Exception):
    """A published shard is not what its receipt says. Not a user's mistake: the shard is made again."""
