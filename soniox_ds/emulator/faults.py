"""Fault injection: which request gets which fault, and how often.

Conventions: a fault has a kind, a route and either a rate (drawn from a seed for each request) or a number of times
(the next n requests of that route). The first fault that applies is used; faults by number come before faults by rate.
Waits are wall-clock seconds if a socket waits, and service seconds if the service waits.

=====================  =============================================================================================
kind                   what happens
=====================  =============================================================================================
``rate_limit``         429, the message of the requests per minute; nothing is done
``quota``              429, the message of a quota (``which``: pending, total, files, storage); nothing is done
``no_balance``         402 (``which``: a slug of the documents); nothing is done
``server_error``       500 in JSON; nothing is done
``unavailable``        503 in JSON; nothing is done
``html``               502 with an HTML page; nothing is done
``reset_before``       the connection is reset before anything is done
``timeout``            no answer until the client gives up; nothing is done
``reset_after``        the work is done, then the connection is reset
``timeout_after``      the work is done, but no answer comes until the client gives up
``error_after``        the work is done, 500 is answered
``truncated``          the work is done, the body stops half way although its full length was announced
``malformed``          the work is done, 200 with broken JSON
``slow``               the work is done, the body trickles for ``seconds`` (0.5)
``listing_lag``        a new job is missing from listings for ``seconds`` (5, service time) or ``listings`` (a number)
``stuck``              a new job never leaves ``processing``
``job_internal_error`` a new job ends in ``error`` with ``internal_error``
``lost_webhook``       a new job's webhook is never sent
``doubled_webhook``    a new job's webhook is sent twice, although the first delivery was answered well
``late_webhook``       a new job's webhook is sent ``seconds`` (30, service time) late
``early_webhook``      a new job's webhook is sent before the create request is answered
``ws_drop``            the websocket is cut after ``frames`` (3) frames of audio
``ws_503``             an error frame 503 after ``frames`` (3) frames of audio
``ws_error``           an error frame ``code``, ``error_type``, ``message`` after ``frames`` (3) frames of audio
=====================  =============================================================================================
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from soniox_ds.emulator.refusals import QUOTA_MESSAGES, Refusal, balance, quota, rate

__all__ = ["KINDS", "ROUTES", "Fault", "Faults"]

ROUTES = (
    "upload",
    "create",
    "list",
    "get",
    "transcript",
    "delete_transcription",
    "delete_file",
    "files",
    "websocket",
    "other",
)
"""``list``: the transcriptions; ``files``: reading files, one or the list; ``other``: counts, models, keys, usage."""

REFUSING = frozenset({"rate_limit", "quota", "no_balance", "server_error", "unavailable", "html"})
BEFORE = REFUSING | {"reset_before", "timeout"}
AFTER = frozenset({"reset_after", "timeout_after", "error_after", "truncated", "malformed", "slow"})
ANSWERED = frozenset({"error_after", "malformed", "slow"})
"""Faults after the work whose answer still arrives complete."""
OF_WEBHOOKS = frozenset({"lost_webhook", "doubled_webhook", "late_webhook", "early_webhook"})
OF_JOBS = OF_WEBHOOKS | {"listing_lag", "stuck", "job_internal_error"}
OF_STREAMS = frozenset({"ws_drop", "ws_503", "ws_error"})
KINDS = BEFORE | AFTER | OF_JOBS | OF_STREAMS

_OPTIONS = {
    "quota": {"which"},
    "no_balance": {"which"},
    "slow": {"seconds"},
    "listing_lag": {"seconds", "listings"},
    "late_webhook": {"seconds"},
    "ws_drop": {"frames"},
    "ws_503": {"frames"},
    "ws_error": {"frames", "code", "error_type", "message"},
    "rate_limit": {"retry_after"},
    "unavailable": {"retry_after"},
}


@dataclass(kw_only=True)
class Fault:
    """A rule of the fault injector."""

    kind: str
    route: str = "any"
    rate: float | None = None
    left: int = 0
    """Number of remaining uses of a fault without a rate."""
    options: Mapping[str, Any] = field(default_factory=dict)

    def applies(self, route: str) -> bool:
        """Return True if this fault is meant for a route and possible there."""
        if self.route not in ("any", route):
            return False
        if self.kind in OF_STREAMS or route == "websocket":
            return route == "websocket" and self.kind in OF_STREAMS | REFUSING - {"html", "quota"}
        if self.kind == "quota":
            return route in ("upload", "create")
        if self.kind in OF_JOBS or self.kind == "no_balance":
            return route == "create"
        return True

    def refusal(self, route: str) -> Refusal:
        """Return the JSON refusal of this fault."""
        wait_s = self.options.get("retry_after")
        wait_s = None if wait_s is None else float(wait_s)
        if self.kind == "rate_limit":
            return rate(wait_s)
        if self.kind == "quota":
            return quota(str(self.options.get("which") or ("files" if route == "upload" else "total")))
        if self.kind == "no_balance":
            return balance(str(self.options.get("which", "organization_balance_exhausted")))
        if self.kind in ("unavailable", "ws_503"):
            message = "Cannot continue request (code 1). Please restart the request."
            return Refusal(503, "service_unavailable", message, retry_after_s=wait_s)
        if self.kind == "ws_error":
            code = int(self.options.get("code", 500))
            slug = str(self.options.get("error_type", "internal_error"))
            return Refusal(code, slug, str(self.options.get("message", "Internal server error.")))
        return Refusal(500, "internal_error", "Internal server error.")


class Faults:
    """The fault injector, which may be used from any thread.

    >>> faults = Faults("reset_after@create=0.05, server_error=2x, slow@transcript=0.1:seconds=2")
    >>> faults.draw("get").kind, faults.draw("list").kind, faults.draw("get")
    ('server_error', 'server_error', None)
    """

    def __init__(self, spec: str | Mapping[str, float] | None = None, *, seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._random = random.Random(seed)
        self._rules: list[Fault] = []
        self.fired: Counter[tuple[str, str]] = Counter()
        """Number of uses of each (kind, route) so far."""
        if isinstance(spec, str):
            for part in filter(None, map(str.strip, spec.split(","))):
                self._add_part(part)
        else:
            for name, share in (spec or {}).items():
                kind, _, route = name.partition("@")
                self.rate(kind, share, route=route or "any")

    def __repr__(self) -> str:
        return f"Faults({', '.join(_text(rule) for rule in self._rules) or 'none'})"

    def next(self, kind: str, route: str = "any", times: int = 1, **options: Any) -> None:
        """Apply a fault to the next `times` requests of a route."""
        if times < 1:
            raise ValueError(f"times is {times}; it must be at least 1")
        self._add(Fault(kind=kind, route=route, left=times, options=options))

    def rate(self, kind: str, rate: float, route: str = "any", **options: Any) -> None:
        """Apply a fault to a share of all requests of a route, drawn for each request."""
        if not 0 <= rate <= 1:
            raise ValueError(f"rate is {rate}; it must lie between 0 and 1")
        self._add(Fault(kind=kind, route=route, rate=rate, options=options))

    def clear(self) -> None:
        """Remove all faults. Changes to existing jobs stay."""
        with self._lock:
            self._rules.clear()

    def draw(self, route: str) -> Fault | None:
        """Return the fault of the next request of a route, or None."""
        with self._lock:
            for rule in sorted(self._rules, key=lambda rule: rule.rate is not None):
                if not rule.applies(route):
                    continue
                if rule.rate is None:
                    rule.left -= 1
                    if not rule.left:
                        self._rules.remove(rule)
                elif self._random.random() >= rule.rate:
                    continue
                self.fired[rule.kind, route] += 1
                return rule
        return None

    def _add(self, fault: Fault) -> None:
        if fault.kind not in KINDS:
            raise ValueError(f"unknown fault {fault.kind!r}; there are {', '.join(sorted(KINDS))}")
        if fault.route not in (*ROUTES, "any"):
            raise ValueError(f"unknown route {fault.route!r}; there are any, {', '.join(ROUTES)}")
        if unknown := set(fault.options) - _OPTIONS.get(fault.kind, set()):
            raise ValueError(f"the fault {fault.kind} has no option {', '.join(sorted(unknown))}")
        if fault.kind == "quota" and fault.options.get("which", "total") not in QUOTA_MESSAGES:
            raise ValueError(f"unknown quota {fault.options['which']!r}; there are {', '.join(QUOTA_MESSAGES)}")
        if not any(fault.applies(route) for route in ROUTES):
            raise ValueError(f"the fault {fault.kind} cannot occur on the route {fault.route}")
        with self._lock:
            self._rules.append(fault)

    def _add_part(self, part: str) -> None:
        """Add a rule in text form: ``kind[@route]=0.05`` or ``kind[@route]=3x``, then ``:option=value``."""
        head, *rest = part.split(":")
        name, equals, amount = head.partition("=")
        kind, _, route = name.partition("@")
        options = dict(item.split("=", 1) for item in rest if "=" in item)
        try:
            if not equals or len(options) < len(rest):
                raise ValueError("the form is kind@route=0.05 or kind@route=3x, optionally followed by :option=value")
            numbers = {key: _number(value) for key, value in options.items()}
            if amount.endswith("x"):
                self.next(kind, route or "any", int(amount[:-1]), **numbers)
            else:
                self.rate(kind, float(amount), route or "any", **numbers)
        except ValueError as error:
            raise ValueError(f"cannot read the fault {part!r}: {error}") from error


def _number(value: str) -> float | str:
    try:
        return float(value)
    except ValueError:
        return value


def _text(rule: Fault) -> str:
    amount = f"{rule.left}x" if rule.rate is None else f"{rule.rate:g}"
    return f"{rule.kind}@{rule.route}={amount}"
