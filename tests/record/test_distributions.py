import hashlib
import json
import re
import subprocess

from kexp.record.distributions import installed, requirements
from kexp.record.git import git_diff_sha256


def install(folder, name, version, direct_url=None, kind="dist-info"):
    info = folder / f"{name}-{version}.{kind}"
    info.mkdir(parents=True)
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    if kind == "egg-info":
        (info / "PKG-INFO").write_text(metadata)
        return
    (info / "METADATA").write_text(metadata)
    (info / "RECORD").write_text(f"{name}.py,,\n")
    if direct_url:
        (info / "direct_url.json").write_text(json.dumps(direct_url))


def described(name, version, **others):
    record = hashlib.sha256(f"{name}.py,,\n".encode()).hexdigest()
    return {
        "name": name,
        "version": version,
        "record_sha256": record,
        "editable": False,
        "commit": None,
        "diff_sha256": None,
        **others,
    }


def test_distributions_are_sorted_by_name_whatever_its_spelling(tmp_path):
    install(tmp_path, "zope", "1")
    install(tmp_path, "Keras_Hub", "2.0+cpu", {"url": "https://me:pw@host/x.whl", "archive_info": {}})
    install(tmp_path, "keras", "3.15.1")

    found = installed([str(tmp_path)])

    assert found == [described("keras", "3.15.1"), described("Keras_Hub", "2.0+cpu"), described("zope", "1")]
    assert requirements(reversed(found)) == "keras==3.15.1\nKeras_Hub==2.0+cpu\nzope==1\n"


def test_an_editable_distribution_is_a_comment_with_its_commit(tmp_path):
    source = tmp_path / "my source"
    source.mkdir()
    editable = {"url": f"file://{tmp_path}/my%20source", "dir_info": {"editable": True}}
    install(tmp_path / "site", "kexp", "0.1.0", editable)

    assert requirements(installed([str(tmp_path / "site")])) == "# kexp (editable)\n"

    subprocess.run(["git", "init", "-q"], cwd=source, check=True)
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    (source / "a.py").write_text("")
    subprocess.run(["git", "add", "."], cwd=source, check=True)
    subprocess.run(["git", *identity, "commit", "-q", "-m", "a"], cwd=source, check=True)

    text = requirements(installed([str(tmp_path / "site")]))
    assert re.fullmatch("# kexp \\(editable\\) at commit [0-9a-f]{40}\n", text)
    assert installed([str(tmp_path / "site")])[0]["diff_sha256"] is None
    (source / "a.py").write_text("x = 1\n")
    changed = installed([str(tmp_path / "site")])
    assert changed[0]["diff_sha256"] == git_diff_sha256(source)
    assert requirements(changed) == text.replace("\n", " with uncommitted changes\n")


def test_the_build_folder_of_a_checkout_does_not_hide_its_installation(tmp_path):
    install(tmp_path / "source", "kexp", "0.1.0", kind="egg-info")
    install(tmp_path / "site", "kexp", "0.1.0")
    install(tmp_path / "later", "kexp", "0.0.9")

    folders = [str(tmp_path / name) for name in ("source", "site", "later")]
    assert installed(folders) == [described("kexp", "0.1.0")]


def test_a_folder_without_metadata_is_no_distribution(tmp_path):
    (tmp_path / "half-1.dist-info").mkdir()
    (tmp_path / "half-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\n")

    assert installed([str(tmp_path)]) == []


def test_those_of_this_process_include_what_the_tests_need():
    assert {"pytest", "hypothesis"} <= {distribution["name"] for distribution in installed()}
