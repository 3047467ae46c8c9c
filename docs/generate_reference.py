"""Write docs/reference: a page of all tables, and pages of all public names with their signatures and docstrings.

It also writes docs/llms.txt, which lists the pages.

Run it as ``make reference`` after a change of a table or a docstring. `tests/test_reference.py` fails if a page is out
of date.
"""

from __future__ import annotations

import ast
import inspect
import pkgutil
import re
import runpy
import textwrap
from collections.abc import Iterator
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import soniox_ds as sx
from soniox_ds import schema

FOLDER = Path(__file__).parent / "reference"
NOTE = "<!-- Written by docs/generate_reference.py: change the code, then run `make reference`. -->"
TOP_PAGES = {
    "transcription": (
        "Transcription",
        "Transcribe recordings, with the options, the limits and the address of the service.",
        "transcribe plan TranscriptionOptions Context Translation Connection Limits WebhookReceiver local_service "
        "enable_nested_loops",
    ),
    "corpus": (
        "Corpora, words and texts",
        "Open and save transcribed datasets, and make words, segments and texts of their tokens.",
        "Corpus read_corpus open_corpus load_samples concat words segments texts find explore report",
    ),
    "accuracy": (
        "Accuracy",
        "Count the errors of transcripts against references, by group and with intervals.",
        "word_errors character_errors term_errors align_words confusions summarize "
        "read_references Normalizer NormalizationStep",
    ),
    "comparisons": (
        "Comparisons",
        "Compare options, models and providers on the same recordings.",
        "compare compare_errors sweep_endpoints",
    ),
    "confidence": (
        "Confidence and review",
        "Judge the confidences, choose the places to listen to, and correct them.",
        "calibration flag_low_confidence review apply_reviews reviewed_words",
    ),
    "speakers": (
        "Speakers",
        "Make speaker turns, and measure talk time and the errors of diarization.",
        "speaker_turns speaker_stats diarization_errors speaker_word_errors",
    ),
    "live": (
        "Live audio",
        "Transcribe a microphone, a stream or recordings live.",
        "Microphone LiveCaptions stream stream_updates stream_dataset LiveOptions LiveResult read_live_result "
        "last_interrupted SessionLimit",
    ),
}
"""The pages of the names of `sx`: title, description, and the names in the order of the page."""

NAMESPACES = {
    "metrics": "Further metrics",
    "plot": "Charts",
    "show": "Views in a notebook",
    "io": "Files of other tools",
    "account": "Models, usage and what is stored at the service",
    "aio": "Awaitable functions",
    "exceptions": "Exceptions and warnings",
}
FAMILIES = ("transcripts", "accuracy", "speakers", "languages", "terms", "confidence", "live")
"""The modules of tables in the order of the page. Others follow."""

INTRODUCTION = """\
All tables are plain DataFrames with these columns. Times are whole milliseconds from the start of the audio. An unknown
value is `NA`, never 0, an empty text or a missing column. In Arrow and Parquet the columns have the same types, and
columns with few different values are dictionary-encoded. Tables from other tools (DuckDB, Spark) can be used as well if
they have the columns that a function needs. Otherwise an error names the missing columns."""

SECTION = re.compile(r"^([A-Z][A-Za-z ]+)\n-{3,}\n", re.MULTILINE)
RULE = r" *=+(?: +=+)+\n"
TABLE = re.compile(
    rf"^(?P<indent> *)(?={RULE}){RULE}(?P<head>.*)\n{RULE}(?P<rows>(?:(?! *=).*\n)+){RULE}", re.MULTILINE
)
ENTRIES = ("Parameters", "Attributes", "Returns", "Yields", "Raises", "Warns")


def pages() -> dict[str, str]:
    """Return the text of each page by the name of its file."""
    written = {"README.md": index(), "tables.md": tables_page()}
    for page, (title, about, names) in TOP_PAGES.items():
        written[f"{page}.md"] = names_page("sx", title, about, sx, names.split())
    for namespace, title in NAMESPACES.items():
        module = getattr(sx, namespace)
        names = public_names(module)
        if namespace == "aio":
            twins = [f"- `sx.aio.{name}`: [`sx.{name}`]({page_of(name)}.md#{anchor(name)})" for name in names]
            written["aio.md"] = "\n".join([NOTE, "", f"# {title}", "", markdown(first_line(module)), "", *twins]) + "\n"
        else:
            written[f"{namespace}.md"] = names_page(f"sx.{namespace}", title, first_line(module), module, names)
    return written


def public_names(module: ModuleType) -> list[str]:
    return [name for name in module.__all__ if not isinstance(getattr(module, name), ModuleType)]


def page_of(name: str) -> str:
    """Return the page that describes a name of `sx`."""
    for page, (_, _, names) in TOP_PAGES.items():
        if name in names.split():
            return page
    raise KeyError(f"sx.{name} is on no page of the reference: add it to TOP_PAGES in docs/generate_reference.py")


def index() -> str:
    lines = [
        NOTE,
        "",
        "# Reference",
        "",
        "`import soniox_ds as sx` gives all of these names. Also: [all tables](tables.md).",
        "",
    ]
    for name in public_names(sx):
        page_of(name)  # an error names what is missing
    groups = [(page, "sx", title, sx, names.split()) for page, (title, _, names) in TOP_PAGES.items()]
    groups += [
        (name, f"sx.{name}", title, getattr(sx, name), public_names(getattr(sx, name)))
        for name, title in NAMESPACES.items()
    ]
    for page, prefix, title, module, names in groups:
        lines += [f"## {title}", ""]
        rows = [
            (
                f"[`{prefix}.{name}`]({page}.md{'' if page == 'aio' else '#' + anchor(name)})",
                markdown(first_line(getattr(module, name))),
            )
            for name in names
        ]
        lines += [*aligned(("name", "what it does"), rows), ""]
    lines += ["```{toctree}", ":hidden:", "", "tables", *(page for page, *_ in groups), "```"]
    return "\n".join(lines) + "\n"


def anchor(name: str) -> str:
    return name.lower()


# tables ---------------------------------------------------------------------------------------------------------------


def tables_page() -> str:
    lines = [
        NOTE,
        "",
        "# Tables",
        "",
        INTRODUCTION,
        "",
    ]
    families = list(tables_by_family())
    lines += [
        f"- {title}: " + ", ".join(f"[{table.name}](#{table.name})" for table in tables) for title, tables in families
    ]
    for title, tables in families:
        lines += ["", f"## {title}"]
        for table in tables:
            rows = [
                (f"`{name}`", column.dtype, markdown(column.meaning).replace("|", "\\|"))
                for name, column in table.items()
            ]
            lines += ["", f"### {table.name}", "", table.about, "", *aligned(("column", "dtype", "meaning"), rows)]
    return "\n".join(lines) + "\n"


def tables_by_family() -> Iterator[tuple[str, list[schema.Table]]]:
    """Yield the title of each module of tables, and its tables in the order in which they are defined."""
    modules = [module.name for module in pkgutil.iter_modules(schema.__path__)]
    for name in [*FAMILIES, *(name for name in modules if name not in FAMILIES)]:
        module = import_module(f"soniox_ds.schema.{name}")
        exported = [getattr(module, constant) for constant in module.__all__]
        tables = [table for table in schema.TABLES.values() if any(table is value for value in exported)]
        if tables:
            yield first_line(module).removeprefix("Tables of ").removesuffix(".").capitalize(), tables


def aligned(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    """Return a Markdown table whose columns, except the last, are padded to one width."""
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head) - 1)]
    cells = [[*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]] for row in (head, *rows)]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|---|"
    lines = ["| " + " | ".join(row) + " |" for row in cells]
    return [lines[0], rule, *lines[1:]]


# names ----------------------------------------------------------------------------------------------------------------


def names_page(prefix: str, title: str, intro: str, module: ModuleType, names: list[str]) -> str:
    lines = [NOTE, "", f"# {title}", "", *([markdown(intro), ""] if intro else [])]
    lines.append(", ".join(f"[{name}](#{anchor(name)})" for name in names))
    for name in names:
        lines += ["", f"## {name}", "", *describe(f"{prefix}.{name}", getattr(module, name))]
    return "\n".join(lines) + "\n"


def describe(name: str, value: Any) -> list[str]:
    """Return the lines about a function or class."""
    if not inspect.isclass(value):
        return [*fenced_signature(name, value), *docstring(value)]
    if issubclass(value, BaseException):
        lines = [f"A kind of `{value.__mro__[1].__name__}`.", "", *docstring(value)]
    else:
        lines = [*fenced_signature(name, value), *docstring(value)]
    attributes = list(class_attributes(value))
    members = list(class_members(value))
    attributes += [(key, first_line(member)) for key, member in members if isinstance(member, property)]
    if attributes:
        lines += ["", "**Attributes**", "", *(f"- `{key}`: {markdown(about)}" for key, about in attributes)]
    for key, member in members:
        if not isinstance(member, property):
            lines += ["", f"### {value.__name__}.{key}", "", *fenced_signature(f"{value.__name__}.{key}", member)]
            lines += docstring(member)
    return lines


def own_classes(value: type) -> list[type]:
    return [kind for kind in value.__mro__ if kind.__module__.startswith("soniox_ds")]


def class_attributes(value: type) -> Iterator[tuple[str, str]]:
    """Yield each attribute that is described by a string below its assignment, and that description.

    The attributes of a parent are not repeated for exceptions, which have many parents.
    """
    for kind in [value] if issubclass(value, BaseException) else own_classes(value):
        tree = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
        assert isinstance(tree, ast.ClassDef)
        inits = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "__init__"]
        for body in (tree.body, *(init.body for init in inits)):
            for assignment, text in pairwise(body):
                target = getattr(assignment, "target", None) or (getattr(assignment, "targets", None) or [None])[0]
                name = getattr(target, "attr", None) or getattr(target, "id", None)
                is_text = isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
                if (
                    name
                    and is_text
                    and not name.startswith("_")
                    and isinstance(assignment, (ast.Assign, ast.AnnAssign))
                ):
                    yield name, inspect.cleandoc(str(text.value.value)).split("\n\n")[0].replace("\n", " ")


def class_members(value: type) -> Iterator[tuple[str, Any]]:
    """Yield the public properties and methods that a class of the package defines, each name once."""
    seen: set[str] = set()
    for kind in own_classes(value):
        for name, member in vars(kind).items():
            if isinstance(member, (classmethod, staticmethod)):
                member = member.__func__
            is_member = isinstance(member, property) or inspect.isfunction(member)
            if is_member and not name.startswith("_") and name not in seen and member.__doc__:
                seen.add(name)
                yield name, member


def fenced_signature(name: str, value: Any) -> list[str]:
    """Return the call of a function or class with its annotations and defaults; a long call has a line for each."""
    signature = inspect.signature(value)
    parameters = [parameter for key, parameter in signature.parameters.items() if key not in ("self", "cls")]
    words: list[str] = []
    kinds = [parameter.kind for parameter in parameters]
    for place, parameter in enumerate(parameters):
        is_first_keyword = parameter.kind == parameter.KEYWORD_ONLY and parameter.KEYWORD_ONLY not in kinds[:place]
        if is_first_keyword and parameter.VAR_POSITIONAL not in kinds:
            words.append("*")
        stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        annotation = "" if parameter.annotation is parameter.empty else f": {annotation_text(parameter.annotation)}"
        default = "" if parameter.default is parameter.empty else f"{' = ' if annotation else '='}{parameter.default!r}"
        words.append(f"{stars}{parameter.name}{annotation}{default}")
        if parameter.kind == parameter.POSITIONAL_ONLY and kinds[place + 1 : place + 2] != [parameter.POSITIONAL_ONLY]:
            words.append("/")
    is_silent = inspect.isclass(value) or signature.return_annotation is signature.empty
    end = ")" if is_silent else f") -> {annotation_text(signature.return_annotation)}"
    line = f"{name}({', '.join(words)}{end}"
    call = [line] if len(line) <= 100 else [f"{name}(", *(f"    {word}," for word in words), end]
    return ["```python", *call, "```", ""]


def annotation_text(annotation: Any) -> str:
    return annotation.strip("'\"") if isinstance(annotation, str) else inspect.formatannotation(annotation)


# docstrings -----------------------------------------------------------------------------------------------------------


def first_line(value: Any) -> str:
    return (inspect.getdoc(value) or "").split("\n\n")[0].replace("\n", " ")


def docstring(value: Any) -> list[str]:
    """Return a docstring in the style of numpydoc as lines of Markdown."""
    parts = SECTION.split(inspect.getdoc(value) or "")
    lines = text_lines(parts[0])
    for title, body in zip(parts[1::2], parts[2::2], strict=True):
        lines += ["", f"**{title}**", ""]
        lines += entry_lines(body) if title in ENTRIES else text_lines(body)
    return lines


def entry_lines(body: str) -> list[str]:
    """Return a list of named entries: parameters, exceptions or results."""
    lines: list[str] = []
    for line in body.strip("\n").split("\n"):
        if line and not line.startswith(" "):
            lines = lines[: -1 if lines and not lines[-1] else None]
            lines += [f"- `{line}`", ""]
        else:
            lines.append(f"  {line.removeprefix('    ')}" if line else "")
    text = "\n".join(text_lines("\n".join(lines)))
    return re.sub(r"^(- `.*`)\n\n  (?=\S)", r"\1: ", text, flags=re.MULTILINE).split("\n")


def text_lines(text: str) -> list[str]:
    """Return text with its examples in fences."""
    lines: list[str] = []
    end_of_example = ""
    for line in TABLE.sub(markdown_table, text.strip("\n")).split("\n"):
        indent = line[: len(line) - len(line.lstrip())]
        if not end_of_example and line.lstrip().startswith(">>> "):
            end_of_example = f"{indent}```"
            lines.append(f"{indent}```pycon")
        if end_of_example and not line.strip():
            lines.append(end_of_example)
            end_of_example = ""
        lines.append(line if end_of_example else markdown(line))
    return [*lines, end_of_example] if end_of_example else lines


def markdown_table(found: re.Match[str]) -> str:
    """Return a table between lines of equals signs as a table of Markdown."""
    lines = [found["head"], *found["rows"].splitlines()]
    head, *rows = [tuple(re.split(r"\s{2,}", line.strip(), maxsplit=1)) for line in lines]
    return "".join(f"{found['indent']}{line}\n" for line in aligned(head, rows))


def markdown(line: str) -> str:
    """Return a line with the marks of Markdown, and with links to the tables it names."""
    line = re.sub(r"``schema\.(\w+)``", lambda found: table_link(found[1]), line)
    line = re.sub(r"``([^`]+)``", r"`\1`", line)
    line = re.sub(r"\bdocs/([\w-]+)\.md", r"[\1](../\1.md)", line)
    return re.sub(r"::$", ":", line)


def table_link(constant: str) -> str:
    name = next(name for name, table in schema.TABLES.items() if table is getattr(schema, constant))
    return f"[`{name}`](tables.md#{name})"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for file, text in pages().items():
        (FOLDER / file).write_text(text, encoding="utf-8")
    runpy.run_path(str(FOLDER.parent / "generate_llms_txt.py"), run_name="__main__")
