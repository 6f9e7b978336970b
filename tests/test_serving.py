"""Where a node says that it answers: at addresses that the reader can open."""

import pytest

from weft import launch
from weft.serving import url_of

ANY = "0.0.0.0"
ADDRESSES = {ANY: ["192.168.1.5"], "::": ["fd00::5"]}


class Listening:
    """A listener at ``host``, of which nothing is asked but where it is."""

    def __init__(self, host: str) -> None:
        self.host = host

    def getsockname(self):
        return self.host, 8441


@pytest.mark.parametrize(("host", "here", "seen"), [
    (ANY, "http://127.0.0.1:8441", "http://192.168.1.5:8441"), ("::", "http://[::1]:8441", "http://[fd00::5]:8441"),
    ("127.0.0.1", "http://127.0.0.1:8441", "http://127.0.0.1:8441")])
def test_a_phone_is_given_the_address_of_the_network_and_programs_here_that_of_this_machine(
        host, here, seen, monkeypatch):
    monkeypatch.setattr(launch, "own_addresses", lambda one: ADDRESSES.get(one, [one]))
    assert url_of(Listening(host)) == here
    assert launch.seen_at(Listening(host)) == seen


def test_without_a_network_a_node_that_listens_everywhere_is_found_on_its_own_machine(monkeypatch):
    monkeypatch.setattr(launch, "own_addresses", lambda _: [])
    assert launch.seen_at(Listening(ANY)) == "http://127.0.0.1:8441"
