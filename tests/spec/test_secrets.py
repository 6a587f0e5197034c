from pathlib import Path

import pytest

from kexp.document import parse_document
from kexp.spec.overrides import override
from kexp.spec.parse import check

SPEC = """\
kexp: 1
data: {source: "mine.py:load", args: {year: 2026}}
model: {layers: [{Dense: 1}, {"mine.py:Layer": {units: 3}}]}
preprocess: {x: [{TextVectorization: {max_tokens: 100}}]}
train: {optimizer: sgd, loss: mse}
"""


def found(*assignments: str, vars: str = "") -> list[tuple[str, str | None]]:
    document = override(parse_document(f"{SPEC}{vars}".encode(), "spec.yaml", Path()), assignments)
    return [
        (d.path, d.message.partition(",")[0]) for d in check(document).diagnostics if d.id == "secret-in-spec"
    ]


@pytest.mark.parametrize(
    "name",
    [
        *("token", "hf_token", "api_key", "apikey", "DB_PASSWORD", "secret", "credentials", "private_key"),
        *("pwd", "openaiApiKey", "openaiAPIKey", "accessToken", "api-key"),
    ],
)
def test_a_secret_for_the_users_own_code_is_refused(name: str) -> None:
    assert found(f"data.args.{name}=hunter2") == [(f"data.args.{name}", f"`{name}` looks like a secret")]
    assert found(f"data.args={{deep: [{{{name}: hunter2}}]}}") == [
        (f"data.args.deep[0].{name}", f"`{name}` looks like a secret")
    ]


@pytest.mark.parametrize(
    ("assignment", "path"),
    [
        ("data.args.url=https://me:hunter2@host/x", "data.args.url"),
        ("name=s3://me:hunter2@host", "name"),
        ("description=see ftp://me:hunter2@host/a for more", "description"),
        ("data.args.url=redis://:hunter2@db/0", "data.args.url"),
        ("data.args.url=postgres://me:hunt/er2@host/db", "data.args.url"),
        ("data.args.url=https://ghp_hunter2@github.com/x", "data.args.url"),
        ("data.args.url=https://glpat-hunter2:@gitlab.com/x", "data.args.url"),
    ],
)
def test_a_url_with_a_password_is_refused_everywhere(assignment: str, path: str) -> None:
    assert found(assignment) == [(path, "this URL holds a password")]


def test_an_object_of_the_users_own_and_a_value_are_looked_at() -> None:
    assert found("model.layers[1]={'mine.py:Layer': {password: hunter2}}") == [
        ("model.layers[1].mine.py:Layer.password", "`password` looks like a secret")
    ]
    assert found(vars="vars: {token: hunter2}\n") == [("vars.token", "`token` looks like a secret")]


@pytest.mark.parametrize(
    "assignment",
    [
        "data.args.mask_token='[MASK]'",
        "data.args.pad_token=<pad>",
        "data.args.token=''",
        "data.args.max_tokens=100",
        "data.args.num_token=12345678",
        "data.args.token_file=/run/secrets/token",
        "data.args.url=https://host/a@b:c",
        "data.args.url=https://host:8080/a@b",
        "data.args.url=http://[::1]:80/a@b",
        "data.args.url=ssh://git@github.com/x",
        "data.args.mask_token=masked",
        "data.args.padToken=padded",
        "data.args.maxTokens=many",
        "data.args.pad_token_id=none",
        "data.args.key_dim=eight",
        "data.args.key=patient",
        "preprocess.x[0].TextVectorization.oov_token=unknown",
    ],
)
def test_what_is_no_secret_may_stand_there(assignment: str) -> None:
    assert found(assignment) == []


def test_no_example_is_taken_for_one_with_secrets() -> None:
    specs = sorted((Path(__file__).parents[2] / "configs").rglob("*.yaml"))
    reports = [check(parse_document(path.read_bytes(), path.name, path.parent)) for path in specs]

    assert len(specs) > 20
    assert [d.message for report in reports for d in report.diagnostics if d.id == "secret-in-spec"] == []
