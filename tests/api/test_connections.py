"""The connections of a call: what is refused, and who shares the limits."""

import pytest

from soniox_ds.api.budget import RequestBudget
from soniox_ds.api.clock import Clock
from soniox_ds.api.connection import Connection
from soniox_ds.api.connections import ConnectionPool
from soniox_ds.exceptions import InputError, OptionsError

EU, US = "http://127.0.0.1:11", "http://127.0.0.1:12"
CANARY = "canary-f00d-secret"


def names(pool):
    return [
        (group.name, [connection.api_key.reveal() for connection in group.connections]) for group in pool.organisations
    ]


def of(*organisations):
    return ConnectionPool.of(
        [Connection(f"key-{number}", organisation=name) for number, name in enumerate(organisations)]
    )


def test_connections_that_share_an_organisation_share_its_limits():
    assert names(of("acme", "other", "acme")) == [("acme", ["key-0", "key-2"]), ("other", ["key-1"])]
    assert names(of(None, None)) == [(None, ["key-0", "key-1"])]
    assert names(of("acme", None, "other")) == [(None, ["key-0", "key-1", "key-2"])], "unstated means shared"


def test_budgets_are_those_of_organisations():
    def window(organisation, key="one"):
        connection = Connection(key, api_base_url="http://127.0.0.1:9", organisation=organisation)
        return RequestBudget.shared(connection, clock=clock).window

    clock = Clock()
    assert window("acme") is window("acme", "another")
    assert window("acme") is not window("other")
    assert window(None) is window(None, "another")


@pytest.mark.parametrize(
    ("connections", "message"),
    [
        ([], "connection is an empty list; give one sx.Connection for each project"),
        ([Connection("a"), CANARY], "holds an item of type str .*not shown"),
        (CANARY, "connection is of type str"),
        (7, "connection is of type int"),
        ([Connection("a"), Connection("b"), Connection("a")], "connections 1 and 3 have the same API key"),
        ([Connection("a", region="eu"), Connection("a", region="us")], "connections 1 and 2 have the same API key"),
        (
            [Connection("a", region="eu"), Connection("b", region="eu", api_base_url=EU)],
            "two connections to the region 'eu' lead to different addresses",
        ),
    ],
)
def test_what_is_refused(connections, message):
    with pytest.raises(OptionsError, match=message) as caught:
        ConnectionPool.of(connections)
    assert CANARY not in str(caught.value)


def test_regions_that_nothing_tells_apart_are_refused():
    pool = ConnectionPool.of([Connection("a", region="eu"), Connection("b", region="us"), Connection("c", region="eu")])
    assert {name: len(part.connections) for name, part in pool.by_region.items()} == {"eu": 2, "us": 1}
    with pytest.raises(OptionsError, match=r"several regions \(eu, us\).*column region"):
        _ = pool.service


def test_an_address_of_ones_own_may_state_its_region_and_a_host_of_the_vendor_keeps_its_own():
    assert Connection("a", region="eu", api_base_url=EU).region == "eu"
    assert Connection("a", api_base_url=EU).region is None
    assert Connection("a", region="eu", api_base_url="https://gateway.example/soniox").service == "gateway.example"
    with pytest.raises(InputError, match="contradict each other"):
        Connection("a", region="us", api_base_url="https://api.eu.soniox.com")


@pytest.mark.parametrize("organisation", ["", "  ", 5])
def test_an_organisation_is_a_name(organisation):
    with pytest.raises(InputError, match="organisation is"):
        Connection("a", organisation=organisation)


def test_a_fingerprint_tells_keys_apart_and_shows_neither_key_nor_salt():
    one, other = Connection(CANARY).api_key, Connection(CANARY + "x").api_key
    assert one.fingerprint("0123abcd") != other.fingerprint("0123abcd")
    assert one.fingerprint("0123abcd") != one.fingerprint("0123abce")
    assert len(one.fingerprint("0123abcd")) == 8, "32 bits identify no key"
