"""Each command's parameters have a name of their own: the description of the API tells them by it."""

from collections import Counter

from weft.engine.commands import COMMANDS


def test_no_two_commands_parameters_have_one_name():
    kinds = {command.params for command in COMMANDS.values()}
    assert not [name for name, count in Counter(kind.__name__ for kind in kinds).items() if count > 1]
