"""The connections of a call: one key, or the keys of several projects.

Conventions: every API key belongs to a project. A project has its own files and transcriptions, which the keys of other
projects cannot see. The projects of one organisation share its limits. Each region has its own hosts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from soniox_ds.api.connection import Connection
from soniox_ds.exceptions import OptionsError

__all__ = ["ConnectionPool", "Organisation"]


class Organisation(NamedTuple):
    """The connections of a pool that share the limits of one organisation."""

    name: str | None
    """Name of the organisation; None for a group that shares its limits because at least one of its connections does
    not state the organisation."""
    connections: tuple[Connection, ...]


class ConnectionPool:
    """The checked connections of a call.

    Parameters
    ----------
    connections
        Connections to different projects.
    is_listed
        True if the caller gave a list. A column ``region`` of the sources then says to which region each recording may
        be sent.

    Raises
    ------
    OptionsError
        If there are no connections, an item is not a `Connection`, two connections have the same key, or connections to
        one region lead to different addresses.

    Examples
    --------
    >>> pool = ConnectionPool.of([Connection("one", region="eu"), Connection("two", region="us")])
    >>> list(pool.by_region)
    ['eu', 'us']
    >>> pool.by_region["eu"].service
    'api.eu.soniox.com'
    """

    def __init__(self, connections: Iterable[Connection], *, is_listed: bool = False) -> None:
        self.connections = tuple(connections)
        self.is_listed = is_listed
        if not self.connections:
            raise OptionsError(
                "connection is an empty list; give one sx.Connection for each project, or leave it out to use "
                "SONIOX_API_KEY"
            )
        for connection in self.connections:
            if not isinstance(connection, Connection):
                raise OptionsError(
                    f"connection holds an item of type {type(connection).__name__} (not shown here, because it may be "
                    'a key); each item is an object such as sx.Connection(api_key=..., region="eu")'
                )
        number_of: dict[object, int] = {}
        for number, connection in enumerate(self.connections, 1):
            if (first := number_of.setdefault(connection.api_key, number)) != number:
                raise OptionsError(
                    f"connections {first} and {number} have the same API key, so they lead to the same project; give "
                    "each key once"
                )
        self.by_region: dict[str, ConnectionPool] = {}
        """The connections to each region, by the name of the region. For a connection without a region, the address
        serves as the name."""
        of_region: dict[str, list[Connection]] = {}
        for connection in self.connections:
            of_region.setdefault(connection.region or connection.api_base_url, []).append(connection)
            other = of_region[connection.region or connection.api_base_url][0]
            if other.api_base_url != connection.api_base_url:
                raise OptionsError(
                    f"two connections to the region {connection.region!r} lead to different addresses, "
                    f"{other.api_base_url} and {connection.api_base_url}; give the same address for both"
                )
        for name, connections in of_region.items():
            is_only = len(of_region) == 1
            self.by_region[name] = self if is_only else ConnectionPool(connections, is_listed=is_listed)

    @classmethod
    def of(cls, connection: object, default: Callable[[], Connection] = Connection) -> ConnectionPool:
        """Return a pool for the `connection` argument of a call. For None, `default` makes the connection.

        Raises OptionsError if the argument is neither a connection, a list of connections nor a pool.
        """
        if connection is None:
            return cls([default()])
        if isinstance(connection, ConnectionPool):
            return connection
        if isinstance(connection, Connection):
            return cls([connection])
        if isinstance(connection, str | bytes) or not isinstance(connection, Iterable):
            raise OptionsError(
                f"connection is of type {type(connection).__name__} (not shown here, because it may be a key); it is "
                'an object such as sx.Connection(region="eu"), or a list of such objects'
            )
        return cls(connection, is_listed=True)

    def __repr__(self) -> str:
        return f"ConnectionPool({', '.join(map(repr, self.connections))})"

    @property
    def name(self) -> str:
        """Name of the region, or the names of the regions."""
        return ", ".join(self.by_region)

    @property
    def service(self) -> str:
        """Name of the host.

        Raises OptionsError if the connections lead to several regions, which have different hosts.
        """
        self.need_one_region()
        return self.connections[0].service

    def need_one_region(self) -> None:
        """Raise OptionsError if the connections lead to several regions."""
        if len(self.by_region) > 1:
            raise OptionsError(
                f"the connections lead to several regions ({', '.join(self.by_region)}), and nothing says which "
                "recording may be sent to which. Give the sources as a table or manifest with a column region, or make "
                "one call for each region"
            )

    @property
    def organisations(self) -> list[Organisation]:
        """The connections, grouped by organisation.

        A connection that does not state its organisation may belong to the organisation of the others. If there is such
        a connection, all connections form one group.
        """
        names = dict.fromkeys(connection.organisation for connection in self.connections)
        if None in names:
            return [Organisation(None, self.connections)]
        return [
            Organisation(name, tuple(each for each in self.connections if each.organisation == name)) for name in names
        ]
