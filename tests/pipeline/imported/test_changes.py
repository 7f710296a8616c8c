"""Files that change, come or go after an import, and files that are no final picture: no old pixels in silence."""

import json
from pathlib import Path

import foreign_pictures as foreign
import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from seedscope.jobs.cli import main
from seedscope.pipeline.images import decode
from seedscope.pipeline.imported import importing
from seedscope.pipeline.imported.formats import a1111
from seedscope.pipeline.imported.formats.embedded import read_header, recipe_of
from seedscope.pipeline.imported.imported_run import ImportedRun
from seedscope.pipeline.imported.importing import Report
from seedscope.pipeline.running.runner import Executor, Unwatched
from seedscope.pipeline.tables.run_folder import RunFolder


def bring(folder: Path, *, mixed: bool = False) -> Report:
    run = ImportedRun(RunFolder(folder.parent / "run"))
    placing, report = importing.survey(folder, run, mixed=mixed)
    with run.folder.locked():
        importing.bring_in(placing, report, run, Executor("inline", threads=1), Unwatched())
    return report


def picture(folder: Path, name: str, seed: int, noise: int, **changes: object) -> Path:
    texts = {"parameters": foreign.infotext("a cat", seed, **changes)}
    return foreign.png(folder / name, texts, foreign.noise(noise))


def noises(folder: Path) -> dict[int, int | None]:
    """Seed -> the number of the noise that its picture is."""
    run = ImportedRun(RunFolder(folder.parent / "run"))
    rows = [row for unit in run.units for row in run.images.read(unit.name).to_pylist()]
    return {
        row["seed"]: next(n for n in range(99) if (decode(row["image"]["bytes"]) == foreign.noise(n)).all())
        if row["image"]
        else None
        for row in rows
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed in range(3):
        picture(tmp_path / "pictures", f"{seed}.png", seed, seed)
    bring(tmp_path / "pictures")
    return tmp_path / "pictures"


def test_a_file_that_was_written_over_is_brought_in_again(folder: Path) -> None:
    picture(folder, "1.png", 1, 50)
    report = bring(folder)
    assert (report.known, len(report.repaired), report.units_made, report.gone) == (3, 1, 1, {})
    assert noises(folder) == {0: 0, 1: 50, 2: 2}
    assert bring(folder).repaired == []


def test_a_file_that_is_gone_is_said_and_its_picture_kept(folder: Path) -> None:
    (folder / "1.png").unlink()
    assert {file.name: why for file, why in bring(folder).gone.items()} == {
        "1.png": "it is gone; the run keeps its picture"
    }
    picture(folder, "2.png", 2, 51)
    gone = {file.name: why for file, why in bring(folder).gone.items()}
    assert gone.keys() == {"1.png", "2.png"} and "it has changed, but is kept as it was" in gone["2.png"]
    assert noises(folder) == {0: 0, 1: 1, 2: 2}


def test_a_file_that_holds_another_cell_by_now_is_said(folder: Path) -> None:
    picture(folder, "1.png", 7, 52)
    report = bring(folder)
    assert (
        report.new == 1
        and [file.name for file in report.gone] == ["1.png"]
        and noises(folder) == {0: 0, 1: 1, 2: 2, 7: 52}
    )
    shard = next((folder.parent / "run").glob("images-*/000000*.parquet"))
    shard.write_bytes(shard.read_bytes()[:-9])
    report = bring(folder)
    assert noises(folder) == {0: 0, 1: None, 2: 2, 7: 52}
    assert list(report.unread.values()) == ["its file is no longer there, or holds another picture"]


def test_finals_take_the_place_of_pictures_on_the_way(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    for number, name in enumerate(
        ("0-ad-preview.png", "1-ad-before.png", "2-before-highres-fix.png", "3-mask.png", "4.png")
    ):
        picture(folder, name, 5, number)
    report = bring(folder)
    assert noises(folder) == {5: 4} and report.new == 1
    assert all("between the first and the final one" in why for why in report.unplaced.values())
    (folder / "4.png").unlink()
    assert bring(folder).gone.keys() == {folder / "4.png"} and noises(folder) == {5: 4}


def test_an_older_run_that_took_a_picture_on_the_way_gets_the_final_one(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    picture(folder, "4.png", 5, 0)
    bring(folder)
    record = tmp_path / "run" / "editions" / "0001.json"
    (folder / "4.png").rename(folder / "0-ad-before.png")
    content = json.loads(record.read_text().replace("4.png", "0-ad-before.png"))
    del content["checksum"]  # as a record of before
    record.write_text(json.dumps(content))
    picture(folder, "4.png", 5, 4)
    assert len(bring(folder).repaired) == 1 and noises(folder) == {5: 4}


def test_grids_are_no_pictures(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    texts = {"parameters": foreign.infotext("a cat", 5)}
    foreign.png(folder / "00001.png", texts, foreign.noise(1, 32, 48))
    foreign.png(folder / "grid-0001.png", texts, foreign.noise(2))
    foreign.png(folder / "00002.png", {"parameters": foreign.infotext("a cat", 5, Script="X/Y/Z plot")})
    picture(folder, "00003.png", 5, 3)
    enlarged = {"parameters": foreign.infotext("a cat", 6, Hires_upscale=2)}
    foreign.png(folder / "00004.png", enlarged, foreign.noise(4, 32, 48))
    report = bring(folder, mixed=True)
    assert report.new == 2 and "where its settings say 24 x 16: a grid" in report.unplaced[folder / "00001.png"]
    assert "name is that of a grid" in report.unplaced[folder / "grid-0001.png"]
    assert "Script: X/Y/Z plot" in report.unplaced[folder / "00002.png"]


def test_files_that_cannot_be_read_are_listed_by_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "pictures"
    whole = picture(folder, "1.png", 1, 1)
    picture(folder, "2.png", 2, 2)
    whole.write_bytes(whole.read_bytes()[:-200])
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr("sys.argv", ["seedscope", "import", str(folder), "--out", str(tmp_path / "run")])
        main()
        raise SystemExit(0)
    told = capsys.readouterr()
    assert "1 could not be read" in told.out and f"not read: {whole}: not a readable picture" in told.err
    assert f"{whole},not a readable picture" in (tmp_path / "run" / "unplaced.csv").read_text()


def test_a_folder_without_pictures_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr("sys.argv", ["seedscope", "import", str(tmp_path), "--out", str(tmp_path / "run")])
        main()
    assert "there is no picture of a kind that is read (.png, .jpg," in capsys.readouterr().err


# --- files


def test_alpha_that_hides_text_in_its_lowest_bit_is_opaque(tmp_path: Path) -> None:
    rgba = Image.fromarray(foreign.noise(1)).convert("RGBA")
    for alpha, opaque in ((254, True), (253, False)):
        rgba.putpixel((3, 3), (*rgba.getpixel((3, 3))[:3], alpha))  # type: ignore[index]
        rgba.save(tmp_path / "a.png")
        if opaque:
            assert (decode((tmp_path / "a.png").read_bytes()) == foreign.noise(1)).all()
        else:
            with pytest.raises(ValueError, match="in part transparent"):
                decode((tmp_path / "a.png").read_bytes())


def test_large_profiles_and_texts_are_read(tmp_path: Path) -> None:
    chunks = PngInfo()
    chunks.add_text("workflow", "x" * 3_000_000, zip=True)
    chunks.add_text("parameters", foreign.infotext("a cat", 7))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes() + bytes(2_000_000)
    Image.fromarray(foreign.noise(1)).save(tmp_path / "a.png", pnginfo=chunks, icc_profile=profile)
    assert recipe_of(read_header(tmp_path / "a.png").texts).seed == 7
    assert decode((tmp_path / "a.png").read_bytes()).shape == (16, 24, 3)


def test_texts_are_looked_for_without_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = foreign.png(tmp_path / "a.png", {})
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda self: pytest.fail("decoded"))
    assert read_header(file).texts == {}


@pytest.mark.parametrize("tag", [0x010E, 0x9C9C, "comment"])
def test_settings_in_other_places_of_a_jpeg(tmp_path: Path, tag: int | str) -> None:
    text, exif = foreign.infotext("a café", 7), Image.Exif()
    if isinstance(tag, int):
        exif[tag] = text.encode("utf-16-le") if tag == 0x9C9C else text.encode()
    comment = {"comment": text.encode()} if tag == "comment" else {}
    Image.fromarray(foreign.noise(1)).save(tmp_path / "a.jpg", exif=exif, **comment)
    found = recipe_of(read_header(tmp_path / "a.jpg").texts)
    assert (found.prompt, found.seed) == ("a café", 7)


@pytest.mark.parametrize("name", ["Parameters", "Comment", "Description"])
def test_settings_in_other_texts_of_a_png(tmp_path: Path, name: str) -> None:
    file = foreign.png(tmp_path / "a.png", {"Software": "x", name: foreign.infotext("a café", 7)})
    assert recipe_of(read_header(file).texts).prompt == "a café"


@pytest.mark.parametrize(("tag", "name"), [(0x010F, "Prompt"), (0x010E, "prompt")])
def test_graphs_where_savers_put_them(tmp_path: Path, tag: int, name: str) -> None:
    exif = Image.Exif()
    exif[tag] = f"{name}:{json.dumps(foreign.comfy_graph())}"
    Image.fromarray(foreign.noise(1)).save(tmp_path / "a.jpg", exif=exif)
    assert recipe_of(read_header(tmp_path / "a.jpg").texts).seed == 5


@pytest.mark.parametrize(
    ("text", "encoding"), [("a café", "utf-8"), ("一" * 300, "utf-16-be"), ("一" * 300, "utf-16-le")]
)
def test_a_user_comment_whose_encoding_is_not_what_it_says(tmp_path: Path, text: str, encoding: str) -> None:
    file = foreign.with_user_comment(tmp_path / "a.jpg", foreign.infotext(text, 7), encoding)
    assert recipe_of(read_header(file).texts).prompt == text


@pytest.mark.parametrize(
    ("comment", "text"),
    [
        (b"ASCII\0\0\0a caf\xe9\n", "a café"),
        (b"JIS\0\0\0\0\0a cat\n", "a cat"),
        (b"Unicode\0" + "a cat\n".encode("utf-16-le"), "a cat"),
        (b"\xef\xbb\xbfa cat\n", "a cat"),
    ],
)
def test_user_comments_of_other_codes(tmp_path: Path, comment: bytes, text: str) -> None:
    exif = Image.Exif()
    line = "Steps: 20, Seed: 7".encode("utf-16-le" if comment.startswith(b"Unicode") else "ascii")
    exif.get_ifd(foreign.EXIF_IFD)[foreign.USER_COMMENT] = comment + line
    Image.fromarray(foreign.noise(0)).save(tmp_path / "a.jpg", exif=exif.tobytes())
    assert recipe_of(read_header(tmp_path / "a.jpg").texts).prompt == text


@pytest.mark.parametrize("comment", ["Screenshot", foreign.infotext("a cat", 7), foreign.infotext("a cat", 8)])
def test_a_comment_in_the_exif_of_a_png_does_not_hide_its_text(tmp_path: Path, comment: str) -> None:
    chunks, exif = PngInfo(), Image.Exif()
    chunks.add_itxt("parameters", "\ufeff" + foreign.infotext("a cat", 7))
    exif.get_ifd(foreign.EXIF_IFD)[foreign.USER_COMMENT] = b"ASCII\0\0\0" + comment.encode()
    Image.fromarray(foreign.noise(0)).save(tmp_path / "a.png", pnginfo=chunks, exif=exif.tobytes())
    texts = read_header(tmp_path / "a.png").texts
    if "Seed: 8" in comment:
        with pytest.raises(ValueError, match="disagree: the seed is 7 and 8"):
            recipe_of(texts)
    else:
        found = recipe_of(texts)
        assert (found.prompt, found.seed) == ("a cat", 7)


def test_a_graph_beside_its_workflow_in_a_comment(tmp_path: Path) -> None:
    both = json.dumps({"prompt": foreign.comfy_graph(), "workflow": {"nodes": []}})
    found = recipe_of(read_header(foreign.with_user_comment(tmp_path / "a.jpg", both)).texts)
    assert (found.prompt, found.seed) == ("a lighthouse", 5)


def test_utf8_in_a_chunk_for_latin1(tmp_path: Path) -> None:
    data = foreign.png(tmp_path / "a.png", {}).read_bytes()
    text = foreign.chunk(b"tEXt", b"parameters\0" + foreign.infotext("a café", 7).encode())
    (tmp_path / "a.png").write_bytes(data[:33] + text + data[33:])
    assert recipe_of(read_header(tmp_path / "a.png").texts).prompt == "a café"


@pytest.mark.parametrize(
    "text",
    [
        "a cat\r\nin snow\r\nSteps: 20, Seed: 7, Size: 24x16",
        "  a cat\nin snow\n  Negative prompt: bad\n  Steps: 20, Seed: 7, Size: 24x16",
        "a cat\nin snow\nVersion: aa62f6d, Pipeline: Original, Steps: 25, Seed: 7, Size: 24x16",
        'a cat\nin snow\nSteps: 20, Wildcard prompt: "__animal__,\nsnow", Seed: 7, Size: 24x16\nTemplate: x, Seed: 9',
        "a cat\rin snow\rSteps: 20, Seed: 7, Size: 24x16",
        "a cat\nin snow\nSteps: 20, Seed: 7, Size: 24x16, Seed resize from: -1x-1, Variation strength: 0",
        "a cat\nin snow\nNegative prompt: \nTemplate: a {cat|dog}\nNegative template: x\nSteps: 20, Size: 24x16, Seed: 7",
        "a cat\nin snow\nSteps: 20, Seed: 7, Size: 24x16, Batch: 1x4, Index: 1x2, Operations: txt2img; hires",
    ],
)
def test_lines_of_settings_as_programs_write_them(tmp_path: Path, text: str) -> None:
    found = recipe_of(read_header(foreign.png(tmp_path / "a.png", {"parameters": text})).texts)
    assert (found.prompt, found.seed, found.settings.size, found.further) == (
        "a cat\nin snow",
        7,
        (24, 16),
        {"pipeline": "Original"} if "Pipeline" in text else {},
    )
    assert found.settings.negative_prompt in ("", "bad")


@pytest.mark.parametrize("name", ["Negative Prompt", "negative prompt"])
def test_a_negative_prompt_in_other_capitals_is_no_part_of_the_prompt(name: str) -> None:
    found = a1111.parse(f"a cat\n{name}: bad\nSteps: 20, Seed: 7")
    assert (found.prompt, found.settings.negative_prompt) == ("a cat", "bad")


def test_a_blend_of_prompts_is_refused(tmp_path: Path) -> None:
    two = [{"prompt": "a cat", "weight": 1}, {"prompt": "a dog", "weight": 1}]
    metadata = foreign.SD_METADATA | {"image": foreign.SD_METADATA["image"] | {"prompt": two}}
    with pytest.raises(ValueError, match="a blend of 2 prompts"):
        recipe_of({"sd-metadata": json.dumps(metadata)})
