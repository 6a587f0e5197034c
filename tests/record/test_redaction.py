import pytest

from kexp.record.redaction import is_secret_name, redacted_arguments, redacted_text, without_credentials


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["train", "a.yaml", "-s", "train.epochs=3"], ["train", "a.yaml", "-s", "train.epochs=3"]),
        (["--api-key", "hunter2", "--seed", "1"], ["--api-key", "<redacted>", "--seed", "1"]),
        (["--auth", "--token", "hunter2"], ["--auth", "<redacted>", "<redacted>"]),
        (["--api-key=hunter2"], ["--api-key=<redacted>"]),
        (["-s", "data.Token=hunter2 x"], ["-s", "data.Token=<redacted>"]),
        (["--set=data.password=hunter2"], ["--set=data.password=<redacted>"]),
        (["-s", 'data={a: 1, "secret_x": "hun,ter2"}'], ["-s", 'data={a: 1, "secret_x": <redacted>']),
        (["s3://me:hunter2@host/a"], ["s3://host/a"]),
        (["--data", "https://hunter2@host/a@b"], ["--data", "https://host/a@b"]),
        (["https://host/?token=hunter2"], ["https://host/?token=<redacted>"]),
        (["--token"], ["--token"]),
    ],
)
def test_arguments_lose_their_secrets(arguments, expected):
    assert redacted_arguments(arguments) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://user:p@ss@host/x.git", "https://host/x.git"),
        ("ssh://git@host/x.git", "ssh://host/x.git"),
        ("git@host:x.git", "git@host:x.git"),
        ("user:pass@host:x.git", "host:x.git"),
        ("/srv/x.git", "/srv/x.git"),
    ],
)
def test_urls_lose_their_credentials(url, expected):
    assert without_credentials(url) == expected


def test_names_of_secrets_are_known():
    names = [
        "WANDB_API_KEY",
        "hf_token",
        "AWS_SECRET",
        "DB_PASSWD",
        "XAUTHORITY",
        "TF_NUM_THREADS",
        "KERAS_BACKEND",
    ]

    assert [name for name in names if is_secret_name(name)] == names[:5]


def test_plain_text_stays():
    assert redacted_text("--xla_cpu_use_mkl_dnn=true") == "--xla_cpu_use_mkl_dnn=true"
