"""What every target is told: which files travel, which run folders last, which options belong to whom."""

import resource
from collections.abc import Callable
from pathlib import Path

import pytest
from forks import forked
from typer.testing import CliRunner

from seedscope.jobs.cli import app
from seedscope.jobs.submit.bundle import Bundle
from seedscope.jobs.submit.submission import Submission, lasting
from seedscope.pipeline.errors import UserError

Write = Callable[..., Path]


def travels(bundle: Bundle, folder: Path) -> set[str]:
    bundle.write(folder)
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}


def test_the_study_and_the_files_that_it_names_travel_and_nothing_else(write_study: Write, tmp_path: Path) -> None:
    (tmp_path / "studies" / "real").mkdir(parents=True)
    for name in ("prompts.txt", "studies/more.csv", "studies/real/1.png", "studies/real/2.png", "studies/other.yaml"):
        (tmp_path / name).write_text(f"prompt\n{name}\n")
    elsewhere = tmp_path / "elsewhere.txt"
    elsewhere.write_text("a horse\n")
    study = write_study(
        "studies/study.yaml",
        prompts=[{"file": "../prompts.txt"}, {"file": "more.csv"}, {"file": str(elsewhere)}],
        reference="./real",
    )
    with pytest.raises(UserError, match=r"outside its folder: \S*prompts\.txt\. .*add --include PATH"):
        Bundle.of(study).refuse_uninvited()
    bundle = Bundle.of(study, [tmp_path / "prompts.txt"])
    bundle.refuse_uninvited()
    assert bundle.study == "studies/study.yaml"
    assert travels(bundle, tmp_path / "there") == {
        "prompts.txt",
        "studies/study.yaml",
        "studies/more.csv",
        "studies/real/1.png",
        "studies/real/2.png",
    }
    assert (tmp_path / "there" / "studies" / "study.yaml").read_bytes() == study.read_bytes()


def of_a_stranger(write_study: Write, tmp_path: Path) -> Callable[..., Bundle]:
    """A study file in a folder of its own, beside a home with secrets; the bundle that it makes with some changes."""
    for name in (
        "home/.ssh/id_rsa",
        "home/.env",
        "home/me.png",
        "home/notes.txt",
        "inbox/.aws/keys.txt",
        "inbox/pics/a.png",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("secret")
    (tmp_path / "inbox" / "pics" / ".b.png").write_text("hidden")
    (tmp_path / "inbox" / "pics" / "readme.txt").write_text("no picture")

    def bundle(*include: str, **changes: object) -> Bundle:
        return Bundle.of(write_study("inbox/study.yaml", **changes), [tmp_path / name for name in include])

    return bundle


def test_only_open_pictures_of_a_reference_travel(write_study: Write, tmp_path: Path) -> None:
    bundle = of_a_stranger(write_study, tmp_path)(reference="./pics")
    bundle.refuse_uninvited()
    assert travels(bundle, tmp_path / "there") == {"study.yaml", "pics/a.png"}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"reference": "../home"}, r"me\.png"),
        ({"reference": "../home/.ssh/id_rsa"}, "id_rsa"),
        ({"prompts": [{"file": "../home/.env"}]}, r"\.env"),
        ({"prompts": [{"file": ".aws/keys.txt"}]}, r"keys\.txt"),
        ({"prompts": [{"file": "link.txt"}]}, r"link\.txt"),
        ({"reference": "./linked"}, r"linked/p\.png"),
        (
            {"features": [{"clip_score": {"model": "../home"}}], "ranking": {"by": "clip_score"}},
            r"me\.png, \S*notes\.txt",
        ),
        ({"model": {"id": "../home"}}, r"me\.png, \S*notes\.txt"),
    ],
)
def test_what_is_hidden_or_lies_outside_waits_for_a_word(
    write_study: Write, tmp_path: Path, changes: dict[str, object], named: str
) -> None:
    """A link counts where it leads to."""
    bundle = of_a_stranger(write_study, tmp_path)
    (tmp_path / "inbox" / "link.txt").symlink_to(tmp_path / "home" / ".ssh" / "id_rsa")
    (tmp_path / "inbox" / "linked").mkdir()
    (tmp_path / "inbox" / "linked" / "p.png").symlink_to(tmp_path / "home" / ".ssh" / "id_rsa")
    with pytest.raises(UserError, match=rf"hidden or lies outside its folder: \S*{named}\. None of it travels"):
        bundle(**changes).refuse_uninvited()


def test_what_is_included_travels_but_for_what_is_hidden_in_it(write_study: Write, tmp_path: Path) -> None:
    bundle = of_a_stranger(write_study, tmp_path)
    bundle("home", reference="../home").refuse_uninvited()
    with pytest.raises(UserError, match="id_rsa"):
        bundle("home", prompts=[{"file": "../home/.ssh/id_rsa"}]).refuse_uninvited()
    bundle("home/.ssh/id_rsa", prompts=[{"file": "../home/.ssh/id_rsa"}]).refuse_uninvited()


def test_a_submission_stops_before_anything_leaves(write_study: Write, tmp_path: Path) -> None:
    of_a_stranger(write_study, tmp_path)(reference="../home")
    asked = ["submit", str(tmp_path / "inbox" / "study.yaml"), "--to", "kuberay", "--out", "s3://b/x", "--image", "i"]
    done = CliRunner().invoke(app, asked)
    assert isinstance(done.exception, UserError) and "--include PATH" in str(done.exception) and not done.stdout
    done = CliRunner().invoke(app, [*asked, "--include", str(tmp_path / "home")])
    assert done.exit_code == 0 and "me.png" in done.stdout and "id_rsa" not in done.stdout


def test_bundled_names_are_no_files(write_study: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sprout").mkdir()
    (tmp_path / "sprout" / "notes.txt").write_text("not the bundled model")
    assert travels(Bundle.of(write_study(reference="sprout")), tmp_path / "there") == {"study.yaml"}


def test_the_files_of_a_model_travel(write_study: Write, tmp_path: Path) -> None:
    """Of a folder of LoRAs the one that is named."""
    for name in (
        "x.safetensors",
        "loras/a.safetensors",
        "loras/b.safetensors",
        "settings/model_index.json",
        "vae.safetensors",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    loras = ["loras/a.safetensors", {"id": "org/name", "file": "loras/b.safetensors"}]
    model = {"file": "x.safetensors", "config": "./settings", "vae": "vae.safetensors", "lora": loras}
    there = {"study.yaml", "x.safetensors", "loras/a.safetensors", "settings/model_index.json", "vae.safetensors"}
    assert travels(Bundle.of(write_study(model=model)), tmp_path / "there") == there
    model = {"id": "sprout", "lora": [{"id": "./loras", "file": "b.safetensors"}]}
    assert travels(Bundle.of(write_study(model=model)), tmp_path / "again") == {"study.yaml", "loras/b.safetensors"}


def test_a_prompt_file_that_is_missing_is_told_before_anything_is_submitted(write_study: Write) -> None:
    with pytest.raises(UserError, match=r"nowhere\.txt: there is no such prompt file"):
        Bundle.of(write_study(prompts=[{"file": "nowhere.txt"}]))


def test_the_fingerprint_follows_the_content_and_not_the_place(write_study: Write, tmp_path: Path) -> None:
    first = Bundle.of(write_study()).fingerprint()
    (tmp_path / "moved").mkdir()
    assert Bundle.of(write_study("moved/study.yaml")).fingerprint() == first
    assert Bundle.of(write_study(seeds="0-4")).fingerprint() != first


def test_a_bundle_that_is_too_large_names_the_largest_file(write_study: Write, tmp_path: Path) -> None:
    (tmp_path / "many.txt").write_text("a prompt\n" * 1000)
    bundle = Bundle.of(write_study(prompts=[{"file": "many.txt"}]))
    with pytest.raises(UserError, match=r"many\.txt has the most\); a letter carries 0\.0\."):
        bundle.refuse_above(1000, "a letter")


def test_a_disk_without_room_for_the_bundle_is_told(write_study: Write, tmp_path: Path) -> None:
    (tmp_path / "prompts.txt").write_text("a cat\n" * 100)
    bundle = Bundle.of(write_study(prompts=[{"file": "prompts.txt"}]))

    def write() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))
        with pytest.raises(UserError, match=r"prompts\.txt: cannot be copied to .*there: File too large\. .*TMPDIR"):
            bundle.write(tmp_path / "there")

    assert forked(write) == 0


def test_names_are_those_of_kubernetes_and_differ_by_run_folder(write_study: Write) -> None:
    bundle = Bundle.of(write_study(name="A_study.with-a-very-long-name-indeed-0123456789"))
    names = {Submission(bundle, out).name for out in ("/runs/a", "/runs/b", "s3://bucket/a")}
    assert len(names) == 3
    for name in names:
        assert len(name) <= 43 and name.replace("-", "").isalnum() and name == name.lower()
        assert name.startswith("seedscope-a-study-with-a-very-long")


def test_the_command_is_quoted_for_the_shell(write_study: Write) -> None:
    submission = Submission(Bundle.of(write_study()), "/runs/my run; rm", ("--workers", "2"))
    assert submission.run("study.yaml", "auto") == (
        "seedscope run study.yaml --address auto --out '/runs/my run; rm' --workers 2"
    )


@pytest.mark.parametrize("out", ["s3://bucket/run", "gs://bucket/run", "/shared/run"])
def test_run_folders_that_last(out: str) -> None:
    assert lasting(out) == out


@pytest.mark.parametrize(
    ("out", "url"), [("runs/demo", False), ("file:///run", False), ("memory://run", True), ("/shared/run", True)]
)
def test_run_folders_that_would_be_gone(out: str, url: bool) -> None:
    with pytest.raises(UserError, match=r"would be gone with the job, or seen by one node only\. Give a URL"):
        lasting(out, url=url)
    with pytest.raises(UserError, match="--out is missing"):
        lasting(None, url=url)


@pytest.mark.parametrize(
    ("target", "option", "words"),
    [
        ("slurm", ["--address", "http://head:8265"], "--address is for --to ray, not for --to slurm"),
        ("ray", ["--gpus", "8"], "--gpus is for --to slurm and --to kuberay, not for --to ray"),
        ("kuberay", ["--slices", "8"], "--slices is for --to slurm, not for --to kuberay"),
    ],
)
def test_an_option_of_another_target_is_refused(write_study: Write, target: str, option: list[str], words: str) -> None:
    study = str(write_study())
    done = CliRunner().invoke(app, ["submit", study, "--to", target, "--out", "s3://bucket/run", *option])
    assert isinstance(done.exception, UserError) and words in str(done.exception)
