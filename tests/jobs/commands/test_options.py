"""Options that several commands share: what the decorator makes of a command."""

from inspect import Parameter, signature

from seedscope.jobs.commands.options import runs_stages
from seedscope.pipeline.running.runner import Executor

WHERE = ["executor", "address", "workers", "threads", "gpus_per_worker", "resource", "deadline"]
given: list[tuple[str, Executor, bool]] = []


@runs_stages
def command(study: str, where: Executor, as_json: bool = False) -> None:
    """Keep what is given."""
    given.append((study, where, as_json))


def test_the_options_stand_in_place_of_where() -> None:
    parameters = signature(command).parameters
    assert list(parameters) == ["study", *WHERE, "as_json"] == list(command.__annotations__)
    assert all(item.kind is Parameter.KEYWORD_ONLY for item in parameters.values())
    assert command.__name__ == "command" and command.__doc__ == "Keep what is given."


def test_the_command_gets_what_the_options_come_to() -> None:
    given.clear()
    options: dict[str, object] = {**dict.fromkeys(WHERE), "executor": "inline", "threads": 2}
    command(study="a", as_json=True, **options)
    assert given == [("a", Executor("inline", None, None, 2, None, {}, None), True)]
