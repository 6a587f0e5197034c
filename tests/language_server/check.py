"""Ask the language server what an editor would show on specs, and compare it with `answers.txt`."""

import difflib
import re
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from questions import QUESTIONS, Question
from rich.console import Console
from server import Server

from kexp.cli.schema import MODELINE, SCHEMA_FILE, schema_text

HERE = Path(__file__).parent
ANSWERS = HERE / "answers.txt"
SPECS = HERE.parents[1] / "configs"
BROKEN = HERE.parent / "cases" / "broken"
NUM_SHOWN = 8


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--update", action="store_true", help="rewrite answers.txt")
    parser.add_argument("--svg", metavar="FILE", help="draw the answers")
    parser.add_argument("command", nargs="*", default=["yaml-language-server", "--stdio"])
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / SCHEMA_FILE).write_text(schema_text())
        with Server(asked.command, folder) as server:
            text = "\n\n".join(answer(server, question) for question in QUESTIONS) + "\n"
            sys.stdout.writelines(f"{line}\n" for line in corpora(server))
    if asked.svg:
        draw(text, asked.svg)
    if asked.update:
        ANSWERS.write_text(text)
    known = ANSWERS.read_text() if ANSWERS.exists() else ""
    sys.stdout.writelines(difflib.unified_diff(known.splitlines(True), text.splitlines(True), "known", "now"))
    sys.exit(known != text)


def answer(server: Server, question: Question) -> str:
    text, line, character = cursor(question.text)
    asked = [f"## {question.kind}: {question.about}", *(f"    {each}" for each in shown(question.text)), ""]
    match question.kind:
        case "completion":
            typed = re.findall(r"\w*\Z", question.text[: question.text.index("¦")])[0]
            found = completions(server.completion(text, line, character), typed)
        case "hover":
            found = hovered(server.hover(text, line, character))
        case "diagnostics":
            found = faults(server.diagnostics(text))
    return "\n".join([*asked, *found])


def cursor(text: str) -> tuple[str, int, int]:
    """Return the text without its mark, and where the mark was."""
    before = text.partition("¦")[0]
    return text.replace("¦", ""), before.count("\n"), len(before) - before.rfind("\n") - 1


def shown(text: str) -> list[str]:
    """Return the lines around the cursor; all of them where there is none."""
    lines = text.splitlines()
    at = next((number for number, line in enumerate(lines) if "¦" in line), None)
    return lines if at is None else lines[max(0, at - 2) : at + 1]


def completions(items: list[dict[str, Any]], typed: str) -> Iterator[str]:
    """Yield what an editor lists: what begins with the letters typed, each with its first line of words."""
    listed = sorted({item["label"]: item for item in items if item["label"].startswith(typed)}.items())
    for label, item in listed[:NUM_SHOWN]:
        words = item.get("documentation") or ""
        words = words if isinstance(words, str) else ""
        yield f"{label:24} {words.partition(chr(10))[0]}".rstrip()
    if listed[NUM_SHOWN:]:
        yield f"… and {len(listed) - NUM_SHOWN} more"
    if not listed:
        yield "nothing"


def hovered(text: str) -> list[str]:
    """Return a hover without the schema's address and Markdown's escapes."""
    lines = [line for line in text.splitlines() if line and not line.startswith("Source: ")]
    return [re.sub(r"\\([\\`*_{}\[\]#+!])", r"\1", line) for line in lines]


def faults(diagnostics: Iterable[dict[str, Any]]) -> Iterator[str]:
    found = [(d["range"]["start"], d["range"]["end"]["character"], d["message"]) for d in diagnostics]
    for start, end, message in sorted(found, key=lambda each: [*each[0].values()]):
        short = message if len(message) < 100 else f"{message[:97]}..."
        yield f"{start['line'] + 1}:{start['character'] + 1}-{end + 1} {short}"


def corpora(server: Server) -> Iterator[str]:
    """Count the specs that an editor underlines, among the good and the broken ones."""
    for folder in (SPECS, BROKEN):
        paths = sorted(folder.glob("*.yaml"))
        head = MODELINE.format(schema=SCHEMA_FILE)
        marked = [path for path in paths if server.diagnostics(head + path.read_text())]
        yield f"{folder.name}: {len(marked)} of {len(paths)} specs are underlined"


def draw(text: str, path: str) -> None:
    """Draw the answers as a terminal would show them."""
    with Path("/dev/null").open("w") as nowhere:
        console = Console(record=True, width=118, file=nowhere)
        for line in text.splitlines():
            console.print(line, style=style_of(line), markup=False, highlight=False)
        console.save_svg(path, title="yaml-language-server on a spec")


def style_of(line: str) -> str:
    if line.startswith("##"):
        return "bold cyan"
    if line.startswith("    "):
        return "bright_black"
    return "yellow" if re.match(r"\d+:\d+-", line) else ""


if __name__ == "__main__":
    main()
