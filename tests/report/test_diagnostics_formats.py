import json

from kexp.diagnostics import Diagnostic, Related, Source, Span, plain
from kexp.report.diagnostics import as_json, concise, github, summary

TEXT = "train:\n  loss: mse\n  epohcs: 3\n"


def span(line, start, end, name="a,b.yaml"):
    return Span(Source(name, TEXT), line, start, line, end)


UNKNOWN = Diagnostic(
    "unknown-key", "`train` has no key `epohcs`", "train.epohcs", span(3, 3, 9), "did you mean `epochs`?"
)
DOUBT = Diagnostic(
    "odd",
    "100%: a,\nb",
    "train.loss",
    span(2, 9, 12),
    related=(Related("seen here", span(1, 1, 6)),),
    severity="warning",
)
MISSING = Diagnostic("spec-not-found", "there is no file `c.yaml`")
REFUSED = Diagnostic(
    "keras-refused",
    "Keras refuses `Dense`",
    "model",
    Span(Source("<stdin>", TEXT), 1, 1, 2, 3),
    detail="Why.\nSo.",
)


def test_concise_is_one_line_each():
    assert concise([UNKNOWN, DOUBT, MISSING], plain).splitlines() == [
        "a,b.yaml:3:3: error[unknown-key]: `train` has no key `epohcs`; did you mean `epochs`?",
        "a,b.yaml:2:9: warning[odd]: 100%: a, b",
        "error[spec-not-found]: there is no file `c.yaml`",
    ]


def test_json_has_every_key_of_its_contract():
    assert json.loads(as_json([UNKNOWN, DOUBT, MISSING, REFUSED])) == {
        "schema": 1,
        "diagnostics": [
            {
                "id": "unknown-key",
                "severity": "error",
                "message": "`train` has no key `epohcs`",
                "file": "a,b.yaml",
                "line": 3,
                "column": 3,
                "end_line": 3,
                "end_column": 9,
                "path": "train.epohcs",
                "help": "did you mean `epochs`?",
                "related": [],
            },
            {
                "id": "odd",
                "severity": "warning",
                "message": "100%: a,\nb",
                "file": "a,b.yaml",
                "line": 2,
                "column": 9,
                "end_line": 2,
                "end_column": 12,
                "path": "train.loss",
                "help": None,
                "related": [
                    {
                        "message": "seen here",
                        "file": "a,b.yaml",
                        "line": 1,
                        "column": 1,
                        "end_line": 1,
                        "end_column": 6,
                    }
                ],
            },
            {
                "id": "spec-not-found",
                "severity": "error",
                "message": "there is no file `c.yaml`",
                "file": None,
                "line": None,
                "column": None,
                "end_line": None,
                "end_column": None,
                "path": None,
                "help": None,
                "related": [],
            },
            {
                "id": "keras-refused",
                "severity": "error",
                "message": "Keras refuses `Dense`",
                "file": "<stdin>",
                "line": 1,
                "column": 1,
                "end_line": 2,
                "end_column": 3,
                "path": "model",
                "help": None,
                "detail": "Why.\nSo.",
                "related": [],
            },
        ],
    }


def test_github_annotations_are_escaped():
    assert github([UNKNOWN, DOUBT, MISSING, REFUSED]).splitlines() == [
        "::error file=a%2Cb.yaml,line=3,endLine=3,col=3,endColumn=9,title=unknown-key"
        "::`train` has no key `epohcs`%0Ahelp: did you mean `epochs`?",
        "::warning file=a%2Cb.yaml,line=2,endLine=2,col=9,endColumn=12,title=odd::100%25: a,%0Ab",
        "::error title=spec-not-found::there is no file `c.yaml`",
        "::error title=keras-refused::Keras refuses `Dense`%0AWhy.%0ASo.",
    ]


def test_an_annotation_over_several_lines_has_no_columns():
    fault = Diagnostic("torn", "torn", span=Span(Source("a.yaml", TEXT), 1, 1, 3, 4))
    assert github([fault]) == "::error file=a.yaml,line=1,endLine=3,title=torn::torn"


def test_control_characters_do_not_reach_the_terminal():
    fault = Diagnostic("bad", "found \x1b[31mred\x07")
    assert concise([fault], plain) == "error[bad]: found \ufffd[31mred\ufffd"
    assert github([fault]) == "::error title=bad::found \ufffd[31mred\ufffd"


def test_the_summary_counts():
    assert summary(1, []) == "1 file: nothing wrong"
    assert summary(3, [UNKNOWN, MISSING, DOUBT]) == "3 files: 2 errors, 1 warning"
    assert summary(1200, [DOUBT]) == "1,200 files: 1 warning"
