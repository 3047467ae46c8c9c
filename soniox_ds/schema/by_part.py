"""Functions of transcripts that are applied to an opened corpus part by part.

Conventions: a function whose result has rows for single recordings is decorated with `by_part`. For an opened corpus
it is called with one part after the other, and with those references that belong to the part; the results are put
below each other. The result is the same as that of the whole corpus.
"""

from __future__ import annotations

import functools
import inspect
import os
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any, NamedTuple, ParamSpec, TypeVar

import numpy as np
import pandas as pd

from soniox_ds._caller import warn_caller
from soniox_ds._executors import check_version, installed_version, lost_task, submitted, version_task
from soniox_ds.exceptions import InputError
from soniox_ds.schema.inputs import InParts, PartReader
from soniox_ds.schema.recording_ids import matched_ids
from soniox_ds.schema.shaping import as_ids, with_ids, with_named_levels

__all__ = ["Order", "by_part", "need_in_any_part", "results_of_parts"]

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")
_Function = Callable[_Arguments, pd.DataFrame]

Order = Callable[[pd.DataFrame, "np.ndarray[Any, Any]"], "np.ndarray[Any, Any]"]
"""A function from a table and the position of the recording of each row to the order of the rows."""


_UNDER_WAY = 64
"""Number of tasks that are submitted before the first of them must have ended."""

_requirements: ContextVar[dict[str, str | None] | None] = ContextVar("soniox_ds_requirements", default=None)
"""The requirements of the function that is being called with a part: None for a requirement that the part fulfils,
otherwise the message of the error."""


def need_in_any_part(requirement: str, is_fulfilled: bool, message: str) -> None:
    """Raise InputError unless the transcripts have something that the function needs, such as speakers.

    In an opened corpus, it is enough if one part has it. `requirement` is its name, and `message` the message of the
    error.
    """
    requirements = _requirements.get()
    if requirements is None:
        if not is_fulfilled:
            raise InputError(message)
    elif is_fulfilled:
        requirements[requirement] = None
    else:
        requirements.setdefault(requirement, message)


def _row_order(_: pd.DataFrame, position: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.argsort(position, kind="stable")


@dataclass(frozen=True)
class _Rule:
    """The way in which a function is applied to parts."""

    references: tuple[str, ...] = ()
    """Arguments with rows or texts for single recordings. A part for which they hold nothing has no rows in the
    result."""
    annotations: tuple[str, ...] = ()
    """Arguments with rows for single recordings that a part may lack."""
    column: str | None = None
    """Column of the recordings that holds the references if the first of `references` is None."""
    in_order_of_references: bool = False
    """True if the rows of the result are in the order of the references; False if they are in the order of the
    recordings."""
    order: Order = _row_order
    finish: Callable[[pd.DataFrame], pd.DataFrame] | None = None
    """A function that recomputes columns that depend on all rows."""
    whole: tuple[str, ...] = ()
    """Options that need all tokens at once."""


def by_part(
    *,
    references: Sequence[str] = (),
    annotations: Sequence[str] = (),
    column: str | None = None,
    in_order_of_references: bool = False,
    order: Order = _row_order,
    finish: Callable[[pd.DataFrame], pd.DataFrame] | None = None,
    whole: Sequence[str] = (),
) -> Callable[[_Function[_Arguments]], _Function[_Arguments]]:
    """Let a function of transcripts take an opened corpus, too; the arguments are the fields of `_Rule`."""
    rule = _Rule(tuple(references), tuple(annotations), column, in_order_of_references, order, finish, tuple(whole))
    dispatch = _dispatch

    def decorate(function: _Function[_Arguments]) -> _Function[_Arguments]:
        def call(*args: Any, **kwargs: Any) -> Any:
            return dispatch(function, decorated, rule, args, kwargs)

        # doctest tests only functions whose globals are those of the module.
        globals_of_module = inspect.unwrap(function).__globals__
        copy = FunctionType(call.__code__, globals_of_module, None, None, call.__closure__)
        decorated = functools.wraps(function)(copy)
        return decorated

    return decorate


def _dispatch(
    function: Callable[..., Any],
    decorated: Callable[..., Any],
    rule: _Rule,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    """Call the function itself, or map it over the parts of an opened corpus.

    Tasks hold the decorated function, because pickle finds it by its name.
    """
    transcripts = args[0] if args else kwargs.get("transcripts")
    if isinstance(transcripts, pd.DataFrame) or not isinstance(transcripts, InParts):
        return function(*args, **kwargs)
    given = inspect.signature(function).bind(*args, **kwargs).arguments
    options = {name: value for name, value in given.items() if name != "transcripts"}
    for name in rule.whole:
        if options.get(name) is not None:
            call = f"sx.{function.__name__}(corpus.load(), {name}=...)"
            raise InputError(f"{name} needs all tokens of the corpus at once, but found an opened corpus; call {call}.")
    return _Mapping(decorated, rule, transcripts, options).result()


class _Outcome(NamedTuple):
    """The result of a task."""

    result: Any
    """The result for the part, usually a table, or None if the part has no references."""
    requirements: dict[str, str | None]
    """The messages of `need_in_any_part` by requirement, None for a requirement that the part fulfils."""
    warnings: list[tuple[type[Warning], str]]
    """Warnings that were issued in another process, with their messages."""


@dataclass(frozen=True)
class _Task:
    """The application of a function to one part. It can be sent to another process."""

    function: Callable[..., Any]
    reader: PartReader
    options: dict[str, Any]
    column: str | None
    """Column of the recordings with their references; if all are missing, the function is not called."""
    process: int
    """Number of the process that made the task."""
    version: str
    """Version of the package in that process."""

    def __call__(self) -> _Outcome:
        check_version(self.version)
        part = self.reader.read()
        if self.column in part.recordings and not part.recordings[self.column].notna().any():
            return _Outcome(None, {}, [])
        requirements: dict[str, str | None] = {}
        token = _requirements.set(requirements)
        try:
            if os.getpid() == self.process:
                return _Outcome(self.function(part, **self.options), requirements, [])
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                result = self.function(part, **self.options)
            return _Outcome(result, requirements, [(each.category, str(each.message)) for each in caught])
        finally:
            _requirements.reset(token)


def _outcomes(tasks: Iterator[_Task], executor: Executor | None) -> Iterator[_Outcome]:
    """Run the tasks, and yield their outcomes in the same order. About `_UNDER_WAY` tasks are submitted at a time."""
    if executor is None:
        yield from (task() for task in tasks)
        return
    pending: deque[Future[_Outcome]] = deque()
    try:
        check_version(installed_version(), submitted(executor, version_task).result())
        for task in tasks:
            pending.append(submitted(executor, task))
            if len(pending) > _UNDER_WAY:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    except Exception as error:
        if (lost := lost_task(error)) is not None:
            raise lost from error
        raise
    finally:
        for future in pending:
            future.cancel()


def _results(tasks: Iterator[_Task], executor: Executor | None) -> Iterator[Any]:
    """Yield the results of tasks, and pass on their warnings. Raise InputError if no part fulfils a requirement."""
    requirements: dict[str, str | None] = {}
    for outcome in _outcomes(tasks, executor):
        if outcome.result is not None:
            yield outcome.result
        for category, message in outcome.warnings:
            warn_caller(message, category)
        for requirement, problem in outcome.requirements.items():
            requirements[requirement] = problem if problem is None else requirements.get(requirement, problem)
    for problem in requirements.values():
        if problem is not None:
            raise InputError(problem)


def results_of_parts(function: Callable[..., _Result], corpus: InParts, column: str | None = None) -> Iterator[_Result]:
    """Yield the result of a function of a corpus for each part of an opened corpus, one after the other.

    If the corpus has an executor, the function is sent to its workers. If a column of the recordings is named, parts in
    which all its values are missing are left out.
    """
    if not (readers := corpus.part_readers()):
        yield function(corpus.load())
        return
    tasks = (_Task(function, reader, {}, column, os.getpid(), installed_version()) for reader in readers)
    yield from _results(tasks, corpus.executor)


@dataclass
class _Mapping:
    """The application of one function to the parts of one corpus."""

    function: Callable[..., pd.DataFrame]
    rule: _Rule
    corpus: InParts
    options: dict[str, Any]
    ids: pd.Index[Any] = field(init=False)

    def result(self) -> pd.DataFrame:
        self.ids = pd.Index(list(self.corpus))
        divided: dict[str, _Divided] = {}
        for name in (*self.rule.references, *self.rule.annotations):
            if isinstance(given := self.options.get(name), pd.DataFrame):
                self.options[name] = given = with_ids(with_named_levels(given, name), name)
            if _has_ids(given):
                divided[name] = _Divided.of(given, self.ids, name)
        results = list(_results(self._tasks(divided), self.corpus.executor))
        if not results:  # The function itself raises the error for what is missing, or returns its empty table.
            readers = self.corpus.part_readers()
            return self.function(readers[0].read() if readers else self.corpus.load(), **self.options)
        return self._joined(results, divided)

    def _tasks(self, divided: dict[str, _Divided]) -> Iterator[_Task]:
        """Yield a task for each part that has references. Other parts have no rows in the result."""
        column = None
        if self.rule.references and self.rule.references[0] not in divided:
            given = self.options.get(self.rule.references[0])
            column = given if isinstance(given, str) else self.rule.column if given is None else None
        is_first = True
        for reader in self.corpus.part_readers():
            own = {name: given.of_part(reader.positions) for name, given in divided.items()}
            counts = [len(own[name]) for name in self.rule.references if name in own]
            if counts and not any(counts):
                continue
            if is_first:  # References without a recording have rows, too; they are given to the first part.
                own = {name: given.of_part(np.append(reader.positions, -1)) for name, given in divided.items()}
            is_first = False
            options = {**self.options, **own}
            without_references = column if not counts else None
            yield _Task(self.function, reader, options, without_references, os.getpid(), installed_version())

    def _joined(self, results: list[pd.DataFrame], divided: dict[str, _Divided]) -> pd.DataFrame:
        filled = [table for table in results if len(table)] or results[:1]
        names = max((table.columns for table in filled), key=len)
        filled = [
            table if len(table.columns) == len(names) else _with_columns(table, names, divided) for table in filled
        ]
        table = pd.concat(filled, ignore_index=True) if len(filled) > 1 else filled[0]
        known = self.ids
        if self.rule.in_order_of_references and (given := divided.get(self.rule.references[0])) is not None:
            known = given.ids_in_order
        position = known.get_indexer(pd.Index(table["audio_id"]))
        order = self.rule.order(table, np.where(position < 0, len(known), position))
        if not np.array_equal(order, np.arange(len(order))):
            table = table.take(order).reset_index(drop=True)
        return table if self.rule.finish is None else self.rule.finish(table)


@dataclass(frozen=True)
class _Divided:
    """An argument with rows or values for single recordings."""

    given: pd.DataFrame | pd.Series[Any]
    """A table with a column `audio_id`, or values by id. The ids are those of the recordings."""
    rows: Mapping[int, np.ndarray[Any, Any]]
    """The rows of each recording, by its position in the corpus; -1 for ids without a recording."""
    ids_in_order: pd.Index[Any]

    @classmethod
    def of(cls, given: Any, known: pd.Index[Any], label: str) -> _Divided:
        is_table = isinstance(given, pd.DataFrame)
        ids = given["audio_id"] if is_table else as_ids(pd.Series(list(given.keys()), dtype=object), label)
        if names := matched_ids(ids.dropna().tolist(), known.tolist(), label):
            ids = ids.replace(names)
        if is_table:
            given = given.assign(audio_id=ids)
        else:
            values = given.tolist() if isinstance(given, pd.Series) else list(given.values())
            given = pd.Series(values, index=pd.Index(ids), dtype=object)
        positions = known.get_indexer(pd.Index(ids))
        rows: Any = pd.Series(positions).groupby(positions).indices
        return cls(given, rows, pd.Index(ids.drop_duplicates()))

    def of_part(self, positions: np.ndarray[Any, Any]) -> Any:
        """Return the rows of the recordings at these positions, in their own order."""
        nothing = np.zeros(0, np.intp)
        rows = np.sort(
            np.concatenate([nothing, *(self.rows.get(position, nothing) for position in positions.tolist())])
        )
        return self.given.iloc[rows]


def _has_ids(given: Any) -> bool:
    if isinstance(given, pd.Series):
        return not isinstance(given.index, pd.RangeIndex)  # Such a Series is a list of texts.
    return isinstance(given, Mapping) or (isinstance(given, pd.DataFrame) and "audio_id" in given)


def _with_columns(table: pd.DataFrame, names: pd.Index[Any], divided: dict[str, _Divided]) -> pd.DataFrame:
    """Add the columns that only the results of other parts have.

    Some results have a column only if it differs from a column of the recordings.

    For example ``speaker_of_reference`` of `word_errors` is left out if it equals the column `speaker`.
    """
    for name in names.difference(table.columns, sort=False):
        column = str(name).removesuffix("_of_reference")
        tables = [given.given for given in divided.values() if isinstance(given.given, pd.DataFrame)]
        source = next(table for table in tables if column in table)
        values = source.drop_duplicates("audio_id").set_index("audio_id")[column]
        table = table.assign(**{str(name): values.reindex(table["audio_id"]).array})
    return table[names]
