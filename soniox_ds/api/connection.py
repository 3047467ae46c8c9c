"""Connection to the service: region, addresses and API key.

Conventions: a base URL is kept with ``/v1`` and without a trailing slash. Arguments take precedence over the
environment, but a contradiction between them about the region is an error. The key is never in a repr, str, pickle or
error.
"""

from __future__ import annotations

import difflib
import hashlib
import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import SplitResult, urlsplit

from soniox_ds._caller import warn_caller
from soniox_ds.exceptions import InputError, SetupError

__all__ = ["REGIONS", "Connection", "Secret"]

REGIONS: Mapping[str, str] = {
    "us": "soniox.com",
    "eu": "eu.soniox.com",
    "in": "in.soniox.com",
    "jp": "jp.soniox.com",
}
"""Known regions, each with the domain of its hosts, ``api.<domain>`` and ``stt-rt.<domain>``. A region that is newer
than this package follows the same pattern: ``<region>.soniox.com``."""

_REGION = re.compile(r"[a-z][a-z0-9-]{0,61}[a-z0-9]")
_REGION_URL = re.compile(rf"https://api\.({_REGION.pattern})\.soniox\.com/v1")
_OTHER_NAMES = {
    **dict.fromkeys(["usa", "america", "united states"], "us"),
    **dict.fromkeys(["europe", "de", "germany", "frankfurt"], "eu"),
    **dict.fromkeys(["india", "ind", "mumbai"], "in"),
    **dict.fromkeys(["japan", "ja", "jpn", "tokyo"], "jp"),
}

_STREAM_PATH = "/transcribe-websocket"

_NO_KEY = (
    "there is no Soniox API key. Either set SONIOX_API_KEY (keys are made in the Soniox Console; each belongs to one "
    "region), or work without one against the stand-in on this machine: with sx.local_service(): ... "
)


class Secret:
    """A string that is only shown by `reveal`.

    Examples
    --------
    >>> secret = Secret("abc")
    >>> f"{secret} {secret!r}", secret.reveal()
    ('*** ***', 'abc')
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the string itself."""
        return self._value

    def hide_in(self, text: str, *, shortest: int = 8) -> str:
        """Replace the secret by stars in a text from elsewhere.

        A secret with fewer than `shortest` characters is left as it is, because a made-up key of a few letters, such as
        "any" for a stand-in, occurs in ordinary words.
        """
        return text.replace(self._value, "***") if len(self._value) >= shortest else text

    def fingerprint(self, salt: str) -> str:
        """Return 32 bits of a salted hash. They distinguish the keys of a user, but do not reveal a key.

        >>> Secret("abc").fingerprint("0123abcd") == Secret("abc").fingerprint("0123abcd")
        True
        """
        return hashlib.blake2b(self._value.encode(), digest_size=4, key=salt.encode()).hexdigest()

    def __repr__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(
            "a Connection cannot be pickled, because its API key could end up in a file. Make the Connection where it "
            "is used: Connection(region=...) or Connection(api_base_url=...) reads SONIOX_API_KEY there"
        )


@dataclass(frozen=True, init=False, repr=False)
class Connection:
    """The address of the service and the API key.

    Parameters
    ----------
    api_key
        API key; by default from ``SONIOX_API_KEY``.
    region
        Region of the project to which the key belongs: ``"us"`` (the default), ``"eu"``, ``"in"`` or ``"jp"``. An
        unknown name is assumed to be a region that is newer than this package, and a warning is given.
    api_base_url
        Another address of the REST API, with or without ``/v1``. By default the address of the region, or
        ``SONIOX_API_BASE_URL`` if no region is given either. With the address of a server of your own (a gateway, a
        stand-in), `region` says to which region it leads.
    websocket_url
        Another address for streams, including the path. By default the address of the region, or of the same loopback
        server as `api_base_url`, or otherwise ``SONIOX_WS_URL``.
    organisation
        Any name for the organisation of the key's project. Connections with the same name share the organisation's
        limits: requests per minute, pending jobs, and stored files and transcriptions. All connections without a name
        also share their limits.

    Raises
    ------
    SetupError
        If there is no key, or the environment contradicts the arguments.
    InputError
        If a region or an address is not valid, or the key would be sent unencrypted over a network.

    Warns
    -----
    UserWarning
        If the region is not known. The warning names the region that was probably meant.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> connection = sx.Connection(api_key="secret", region="eu")
    >>> connection
    Connection(service='api.eu.soniox.com', api_base_url='https://api.eu.soniox.com/v1', api_key=***)
    >>> connection.websocket_url
    'wss://stt-rt.eu.soniox.com/transcribe-websocket'
    >>> sx.Connection(api_key="any", api_base_url="http://127.0.0.1:8765").service
    'local'
    """

    api_key: Secret
    region: str | None
    """Name of the region; None for an address that does not belong to a region."""
    api_base_url: str
    """Address of the REST API, with ``/v1`` and without a slash at the end."""
    websocket_url: str | None
    """Address for streams; None if it is not known, in which case `stream_url` raises."""
    organisation: str | None
    """Name of the organisation; None if it was not stated."""

    def __init__(
        self,
        api_key: str | Secret | None = None,
        region: str | None = None,
        api_base_url: str | None = None,
        websocket_url: str | None = None,
        organisation: str | None = None,
    ) -> None:
        env_base_url = _environment("SONIOX_API_BASE_URL")
        env_websocket_url = _environment("SONIOX_WS_URL")
        if organisation is not None and (not isinstance(organisation, str) or not organisation.strip()):
            raise InputError(
                f"organisation is {organisation!r}; it is any name, the same for all connections of an organisation"
            )
        if region is not None:
            _check_region(region, is_address_known=api_base_url is not None)
        if api_base_url is not None:
            base_url = _base_url(api_base_url, "api_base_url")
            if region is not None and _is_of_vendor(base_url) and base_url != _region_url(region):
                raise InputError(
                    f"region={region!r} and api_base_url={api_base_url!r} contradict each other; give only one of them"
                )
        elif region is None and env_base_url is not None:
            base_url = _base_url(env_base_url, "SONIOX_API_BASE_URL")
        else:
            base_url = _region_url(region or "us")
            if env_base_url is not None and _base_url(env_base_url, "SONIOX_API_BASE_URL") != base_url:
                raise SetupError(
                    f"region={region!r} was given, but SONIOX_API_BASE_URL is {env_base_url!r}; remove one of the two"
                )

        derived = _stream_url_beside(base_url)
        if websocket_url is not None:
            stream_url = _checked(websocket_url, "websocket_url", ("wss", "ws")).geturl()
        elif env_websocket_url is not None and (derived is None or (region is None and api_base_url is None)):
            stream_url = _checked(env_websocket_url, "SONIOX_WS_URL", ("wss", "ws")).geturl()
        else:
            stream_url = derived or ""

        set_field = object.__setattr__  # The dataclass is frozen.
        set_field(self, "api_key", _key(api_key))
        set_field(self, "region", region or _region_of(base_url))
        set_field(self, "api_base_url", base_url)
        set_field(self, "websocket_url", stream_url or None)
        set_field(self, "organisation", None if organisation is None else organisation.strip())

    def __repr__(self) -> str:
        stated = "" if self.region is None or _is_of_vendor(self.api_base_url) else f", region={self.region!r}"
        stated += "" if self.organisation is None else f", organisation={self.organisation!r}"
        return f"Connection(service={self.service!r}, api_base_url={self.api_base_url!r}, api_key=***{stated})"

    @property
    def service(self) -> str:
        """Name of the host, or ``"local"`` for a host on this machine."""
        address = urlsplit(self.api_base_url)
        return "local" if _is_loopback(address) else address.netloc.lower()

    def stream_url(self) -> str:
        """Return the address for streams. Raises SetupError if it is not known."""
        if self.websocket_url is None:
            raise SetupError(
                f"the address for live audio cannot be derived from {self.api_base_url}; set SONIOX_WS_URL, or pass "
                'Connection(websocket_url="wss://...")'
            )
        return self.websocket_url

    def service_headers(self) -> dict[str, str]:
        """Return the headers that authorise a request or a stream. Only here is the key in clear text."""
        return {"Authorization": f"Bearer {self.api_key.reveal()}"}


def _environment(name: str) -> str | None:
    return os.environ.get(name, "").strip() or None


def _key(given: str | Secret | None) -> Secret:
    value = given.reveal() if isinstance(given, Secret) else given
    source = "api_key"
    if value is None:
        value, source = _environment("SONIOX_API_KEY"), "SONIOX_API_KEY"
        if value is None:
            raise SetupError(_NO_KEY)
    if not isinstance(value, str):
        raise InputError(f"{source} is of type {type(value).__name__}; it is a string (not shown here)")
    value = value.strip()
    if not value:
        raise SetupError(f"{source} is empty: {_NO_KEY}")
    if not (value.isascii() and value.isprintable()) or " " in value:
        raise SetupError(
            f"{source} contains characters that no key contains, such as spaces, line breaks or typographic quotes "
            "(not shown here); copy the key again"
        )
    return Secret(value)


def _check_region(region: object, *, is_address_known: bool) -> None:
    """Raise InputError if the value cannot be the name of a region, and warn if the address of the region is a guess.

    >>> _check_region("eu", is_address_known=False)
    """
    known = ", ".join(REGIONS)
    if not isinstance(region, str):
        raise InputError(f"region is {region!r}; it is a name such as {known}")
    if region in REGIONS:
        return
    suggestion = _suggested_region(region)
    hint = "" if suggestion is None else f" Did you mean {suggestion!r}?"
    if not _REGION.fullmatch(region):
        raise InputError(
            f"region is {region!r}; it is a name in lower-case letters, digits and hyphens, such as {known}.{hint}"
        )
    if is_address_known:
        return
    warn_caller(
        f"region {region!r} is not one of the regions that this version knows ({known}); its address is assumed to be "
        f"{_region_url(region)}.{hint}",
        UserWarning,
    )


def _suggested_region(text: str) -> str | None:
    """Return the known region that was probably meant, or None if no name is similar.

    >>> [_suggested_region(text) for text in ("EU", "ue", "europe", "eu-west-1", "use", "jpp", "kr")]
    ['eu', 'eu', 'eu', 'eu', 'us', 'jp', None]
    """
    wanted = text.strip().casefold()
    for name in (wanted, re.split(r"[-_. ]", wanted)[0], wanted[::-1]):
        if name in REGIONS or name in _OTHER_NAMES:
            return _OTHER_NAMES.get(name, name)
    near = difflib.get_close_matches(wanted, [*REGIONS, *_OTHER_NAMES], n=1, cutoff=0.6)
    near = near or difflib.get_close_matches(wanted, REGIONS, n=1, cutoff=0.5)
    return _OTHER_NAMES.get(near[0], near[0]) if near else None


def _region_of(base_url: str) -> str | None:
    """Return the region of the REST API at an address, or None if the address is not a host of the vendor."""
    match = _REGION_URL.fullmatch(base_url)
    name = match[1] if match else "us"
    return name if base_url == _region_url(name) else None  # There is no api.us.soniox.com.


def _is_of_vendor(base_url: str) -> bool:
    host = urlsplit(base_url).hostname or ""
    return host == "soniox.com" or host.endswith(".soniox.com")


def _region_url(region: str) -> str:
    return f"https://api.{REGIONS.get(region, f'{region}.soniox.com')}/v1"


def _base_url(url: str, name: str) -> str:
    address = _checked(url, name, ("https", "http"))
    path = address.path.rstrip("/")
    return f"{address.scheme}://{address.netloc}{path if path.endswith('/v1') else path + '/v1'}"


def _checked(url: str, name: str, schemes: tuple[str, str]) -> SplitResult:
    """Check that the key may be sent to the address, and return its parts."""
    if not isinstance(url, str):
        raise InputError(f"{name} is {url!r}; it is a string such as {schemes[0]}://...")
    try:
        address = urlsplit(url.strip())
        _ = address.port  # This raises ValueError if the port is not a number.
    except ValueError as error:
        raise InputError(f"{name} is not an address: {error}") from None
    if address.username is not None or address.password is not None:
        raise InputError(f"{name} contains a user name or password; leave it out, because the key is sent in a header")
    if address.scheme not in schemes or not address.hostname:
        raise InputError(f"{name} is {url!r}; it starts with {schemes[0]}:// (or {schemes[1]}:// on this machine)")
    if address.query or address.fragment:
        raise InputError(f"{name} is {url!r}; it must not have a query or a fragment")
    if address.scheme == schemes[1] and not _is_loopback(address):
        raise InputError(
            f"{name} is {url!r}, which would send the key unencrypted over a network; use {schemes[0]}:// "
            f"({schemes[1]}:// is only for this machine)"
        )
    return address


def _is_loopback(address: SplitResult) -> bool:
    host = (address.hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # The host is a name and not an IP address.
        return False


def _stream_url_beside(base_url: str) -> str | None:
    """Return the address for streams that belongs to an address of the REST API, or None if it is not known."""
    address = urlsplit(base_url)
    if _is_loopback(address):
        return f"{'wss' if address.scheme == 'https' else 'ws'}://{address.netloc}{_STREAM_PATH}"
    domain = (address.hostname or "").removeprefix("api.")
    if address.hostname == f"api.{domain}" and (domain == "soniox.com" or domain.endswith(".soniox.com")):
        return f"wss://stt-rt.{domain}{_STREAM_PATH}"
    return None
