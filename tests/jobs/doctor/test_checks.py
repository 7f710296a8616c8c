"""The doctor's checks on this machine's CPU, with what is to be found planted; GPU parts with the CPU as a stand-in."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from seedscope.jobs.doctor import trial
from seedscope.jobs.doctor.checks import (
    attention,
    batches,
    cpu_and_gpu,
    disks,
    dtypes,
    gpu,
    memory,
    noise,
    optional_libraries,
    out_of_memory,
    processor,
    redraw,
    tf32,
    throughput,
    torch_compile,
    two_workers,
    versions,
)
from seedscope.jobs.doctor.finding import Finding
from seedscope.jobs.doctor.site import Site
from seedscope.jobs.doctor.trial import OWN_LOOP, TURBO, Difference, Trial, opened
from seedscope.pipeline.drawing import draw
from seedscope.pipeline.drawing import noise as drawing_noise

Change = Callable[[torch.Tensor, torch.dtype], torch.Tensor]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("doctor")
    return Site(folder / "runs", folder, seconds=0.1)


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> Callable[[Change], None]:
    """Lets latents be changed after they are sampled: (latents, the network's dtype) -> latents."""

    def plant(change: Change) -> None:
        whole = draw.sample

        def sample(model: Any, *arguments: Any) -> torch.Tensor:
            return change(whole(model, *arguments), model.pipe.unet.dtype)

        monkeypatch.setattr(draw, "sample", sample)

    return plant


def verdicts(findings: Iterator[Finding]) -> list[str]:
    return [finding.verdict for finding in findings]


def test_a_sound_machine(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dtypes, "DTYPES", ("float32", "bfloat16"))  # float16 takes seconds on a CPU
    for module in (versions, optional_libraries, disks, processor, memory, gpu, noise, redraw, batches, dtypes, tf32):
        found = list(module.check(site))
        assert found and not [finding for finding in found if finding.verdict == "problem"], found
        assert all(finding.found and finding.what for finding in found)
    assert verdicts(cpu_and_gpu.check(site)) == verdicts(out_of_memory.check(site)) == ["not tried"]


def test_a_sampler_with_noise_of_its_own_is_found(site: Site, planted: Callable[[Change], None]) -> None:
    planted(lambda latents, _: latents + 0.1 * torch.randn(latents.shape))
    own, stock = redraw.check(site)
    assert own.verdict == "problem" and "the same seed is another picture" in own.found and own.remedy
    assert stock.verdict == "ok"


@pytest.mark.parametrize(
    "mix",
    [
        lambda latents, _: latents.roll(1, 0),
        lambda latents, _: 0.9 * latents + 0.1 * latents.mean(0, keepdim=True),
    ],
    ids=["another cell's", "a little of all"],
)
def test_a_batch_that_changes_its_cells_is_found(site: Site, planted: Callable[[Change], None], mix: Change) -> None:
    planted(mix)
    own, stock = batches.check(site)
    assert own.verdict == "problem" and "a batch is other pictures than its cells" in own.found
    assert stock.verdict == "ok"


def test_a_dtype_whose_pictures_are_not_finite_is_found(
    site: Site, planted: Callable[[Change], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dtypes, "DTYPES", ("float32", "bfloat16"))
    planted(lambda latents, dtype: latents * torch.inf if dtype == torch.bfloat16 else latents)
    single, half = dtypes.check(site)
    assert single.verdict == "ok" and half.verdict == "problem" and "not finite" in half.found


def test_noise_of_another_torch_is_found(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = drawing_noise.latent
    monkeypatch.setattr(drawing_noise, "latent", lambda seed, shape: whole(seed + 1, shape))
    assert next(noise.check(site)).verdict == "problem"


def test_a_library_that_is_too_old_is_found(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "requires", lambda _: ["torch>=99", "absent-library>=1", 'peft>=99; extra == "test"'])
    _, found = versions.check(site)
    assert found.verdict == "problem" and "absent-library is missing" in found.found
    assert found.remedy == "pip install 'torch>=99' 'absent-library>=1'"


def test_folders_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    runs, hub, _ = disks.check(Site(tmp_path / "file" / "runs", tmp_path))
    assert runs.verdict == "problem" and "cannot be written (Not a directory)" in runs.found and "--out" in runs.remedy
    assert hub.verdict in ("ok", "note")
    assert sorted(tmp_path.iterdir()) == [tmp_path / "file"]


def test_a_full_disk_is_worth_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disks.shutil, "disk_usage", lambda _: SimpleNamespace(free=10**9))
    assert [finding.verdict for finding in disks.check(Site(tmp_path, tmp_path))][:2] == ["note", "note"]


@pytest.mark.parametrize(
    ("limit", "expected"), [(None, (8, 6)), ("max", (8, 6)), (str(4 * 2**30), (4, 3))], ids=["none", "max", "4 GiB"]
)
def test_memory_is_what_a_container_may_have(tmp_path: Path, limit: str | None, expected: tuple[int, int]) -> None:
    (tmp_path / "meminfo").write_text(f"MemTotal: {8 * 2**20} kB\nMemFree: 1 kB\nMemAvailable: {6 * 2**20} kB\n")
    if limit is not None:
        (tmp_path / "memory.max").write_text(limit)
        (tmp_path / "memory.current").write_text(str(2**30))
    found = memory.available(tmp_path / "meminfo", tmp_path)
    assert found == tuple(gib * 2**30 for gib in expected)
    assert memory.available(tmp_path / "none", tmp_path) is None


def test_attention_says_which_kernel_draws(site: Site) -> None:
    for finding in attention.check(site):
        assert finding.verdict == "ok" and finding.facts["kernels"] == ["flash_attention_for_cpu"], finding


@pytest.mark.parametrize("allowed", [True, False])
def test_convolutions_are_watched_for_tf32(site: Site, allowed: bool) -> None:
    layer, pixels = torch.nn.Conv2d(3, 3, 1), torch.zeros(1, 3, 4, 4)
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=allowed):
        with tf32.watched_convolutions() as seen:
            layer(pixels)
        with tf32.watched_convolutions() as drawn:
            opened(OWN_LOOP, "cpu").draw()
    assert seen == [allowed]
    assert drawn and not any(drawn), "drawing sets TF32 off"


def test_speed_is_counted_in_whole_batches(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throughput, "SPROUT", TURBO)  # sprout's 20 steps take seconds
    monkeypatch.setattr(throughput, "SEEDS", {"cpu": 1})
    for finding in throughput.check(site):
        assert "pictures an hour" in finding.found and float(str(finding.facts["pictures_an_hour"])) > 100


# --- what needs a GPU, with the CPU in its place


def test_a_device_is_compared_with_another(monkeypatch: pytest.MonkeyPatch) -> None:
    same = cpu_and_gpu.compared(OWN_LOOP, "float32", "cpu", "cpu")
    assert same.verdict == "ok" and "the same, bit for bit" in same.found
    whole = opened

    def others(kind: Any, device: str, dtype: Any) -> Any:
        found = whole(kind, "cpu", dtype)
        moved = 40 if device == "wrong" else 0
        return SimpleNamespace(
            cells=found.cells, draw=lambda cells: np.clip(found.draw(cells), 0, 200) + np.uint8(moved)
        )

    monkeypatch.setattr(trial, "opened", others)
    assert cpu_and_gpu.compared(OWN_LOOP, "float32", "cpu", "wrong").verdict == "problem"
    assert cpu_and_gpu.compared(OWN_LOOP, "bfloat16", "cpu", "wrong").verdict == "note"


def test_a_batch_is_halved_while_memory_is_full() -> None:
    some = Trial(TURBO, "cpu")
    model: Any = some.drawing.model
    whole = model.predict

    @contextmanager
    def full() -> Iterator[None]:
        """A stand-in for a GPU with room for three pictures."""

        def predict(latents: torch.Tensor, *arguments: Any) -> torch.Tensor:
            if len(latents) > 3:
                raise torch.cuda.OutOfMemoryError("CUDA out of memory")
            return torch.as_tensor(whole(latents, *arguments))

        model.predict = predict
        yield
        del model.predict

    found = out_of_memory.halved(some, full(), {})
    assert found.verdict == "ok" and found.facts["batches"] == [2, 2] and "batches of 2" in found.found
    roomy = out_of_memory.halved(some, contextmanager(lambda: iter([None]))(), {})
    assert roomy.verdict == "not tried" and roomy.facts["batches"] == [4]


def test_a_gpu_has_to_calculate() -> None:
    assert gpu._calculates("GPU 0", "cpu", "a device").verdict == "ok"
    wrong = gpu._calculates("GPU 0", "meta", "a device")
    assert wrong.verdict == "problem" and "cannot calculate" in wrong.found


class _Thread:
    """A worker in this process, that talks as one of its own does."""

    def __init__(self, work: Callable[[Connection], None]) -> None:
        self.pipe, theirs = Pipe()
        threading.Thread(target=work, args=(theirs,)).start()

    def receive(self, seconds: float) -> object:
        assert self.pipe.poll(60)
        return self.pipe.recv()


@pytest.mark.parametrize("alike", [True, False])
def test_two_workers_draw_the_same(site: Site, monkeypatch: pytest.MonkeyPatch, alike: bool) -> None:
    monkeypatch.setattr(two_workers, "SEEDS", 1)
    one_at_a_time = threading.Lock()  # threads that load models disturb each other, as processes do not

    def loaded(*arguments: Any, **options: Any) -> Trial:
        with one_at_a_time:
            return Trial(*arguments, **options)

    monkeypatch.setattr(trial, "Trial", loaded)
    numbers = iter(range(2))

    @contextmanager
    def here(function: str, log: Path) -> Iterator[_Thread]:
        assert function == "seedscope.jobs.doctor.checks.two_workers:work"
        number = next(numbers)
        worker = _Thread(two_workers.work if alike or not number else _other_pictures)
        yield worker
        worker.pipe.close()

    monkeypatch.setattr(two_workers, "child", here)
    (found,) = two_workers.check(site)
    assert found.verdict in (("ok", "note") if alike else ("problem",)), found
    assert found.what == "two workers on one CPU"


def _other_pictures(pipe: Connection) -> None:
    pipe.recv()
    pipe.send("ready")
    pipe.recv()
    pipe.send((1.0, "other"))
    pipe.poll(60)


@pytest.mark.parametrize(("compiler", "verdict"), [("none", "note"), ("right", "ok"), ("wrong", "problem")])
def test_a_compiler_is_tried(site: Site, monkeypatch: pytest.MonkeyPatch, compiler: str, verdict: str) -> None:
    def compiled(network: Any) -> Any:
        """A stand-in for torch.compile, which takes a minute."""
        whole = network.forward

        def forward(*arguments: Any, **options: Any) -> Any:
            if compiler == "none":
                raise RuntimeError("Failed to find\nC++ compiler")
            output = whole(*arguments, **options)
            return (output[0] * 0.5,) if compiler == "wrong" else output

        network.forward = forward
        return network

    for name in ("COMPILE_THREADS", "CACHE_DIR"):
        monkeypatch.setenv(f"TORCHINDUCTOR_{name}", "as before")  # and again after the test
    monkeypatch.setattr(torch, "compile", compiled)
    (found,) = torch_compile.check(site)
    assert found.verdict == verdict, found
    assert Path(os.environ["TORCHINDUCTOR_CACHE_DIR"]).is_relative_to(site.scratch), "never the user's own"
    if compiler == "none":
        assert "Failed to find C++ compiler" in found.found and "g++" in found.remedy


def test_a_difference_is_told_as_golden_lists_take_it() -> None:
    black = np.zeros((2, 32, 32, 3), np.uint8)
    one_value = black.copy()
    one_value[0, 0, 0, 0] = 200
    found = Difference.of(black, one_value)
    assert found.largest == 200 and found.small < 5 and not Difference.of(black, black + np.uint8(3)).passes("bfloat16")
    assert Difference.of(black, black + np.uint8(1)).passes("float32")
    assert Difference.of(black, black).said == "the same, bit for bit"
