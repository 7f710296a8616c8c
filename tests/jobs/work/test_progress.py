"""What a person sees while units are made, and what a dashboard can plot: rates, times, workers, troubles."""

import io
import urllib.request
from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa
import pytest
from rich.console import Console
from waiting import GENEROUS, until

from seedscope.jobs.work import progress
from seedscope.jobs.work.metrics import COUNTERS, GAUGES
from seedscope.jobs.work.pace import Made, Pace, format_rate, format_time
from seedscope.jobs.work.progress import Watcher
from seedscope.pipeline.study.plan import Edition, Unit, plan
from seedscope.pipeline.study.prompts import prompt
from seedscope.pipeline.study.schema import UnitShape
from seedscope.pipeline.tables.receipts import Receipt

UNITS = plan([Edition((prompt("a"), prompt("b")), tuple(range(20)))], UnitShape(prompts=2, seeds=2))


def receipt(unit: Unit, seconds: float, process: int, failed: int = 0) -> Receipt:
    made = {"host": "anna", "process": process, "seconds": seconds, "finished": "2026-01-01T00:00:00+00:00"}
    return Receipt(unit.name, len(unit), failed, 1000, "0" * 64, dict(made))


# --- rates


def test_the_rate_is_of_the_time_since_the_first_unit_was_begun() -> None:
    pace = Pace([Made(40, 1010.0, 10.0, "a"), Made(20, 1020.0, 10.0, "a"), Made(40, 1020.0, 20.0, "b")])
    assert pace.rate(1020.0) == pytest.approx(100 / 20)
    assert pace.workers(1020.0) == pytest.approx({"a": 60 / 20, "b": 40 / 20})
    assert sum(pace.workers(1020.0).values()) == pytest.approx(pace.rate(1020.0))


def test_order_does_not_matter_to_a_rate() -> None:
    made = [Made(10 + i, 1000.0 + i, 1.0, str(i % 3)) for i in range(20)]
    assert Pace(reversed(made)).rate(1025.0) == Pace(made).rate(1025.0)


def test_a_worker_that_hangs_slows_down_and_then_is_gone() -> None:
    pace = Pace([Made(40, 1010.0, 10.0, "a")])
    assert pace.rate(1040.0) == pytest.approx(1.0)
    pace.add(Made(40, 1300.0, 10.0, "b"))
    assert list(pace.workers(1305.0)) == ["a", "b"] and list(pace.workers(1320.0)) == ["b"]
    assert pace.rate(2000.0) is None and pace.workers(2000.0) == {}


def test_units_of_an_hour_are_not_forgotten_after_five_minutes() -> None:
    pace = Pace([Made(3600, 3600.0, 3600.0, "a")])
    assert pace.rate(7200.0) == pytest.approx(0.5)


def test_the_rate_of_a_long_run_is_that_of_the_last_minutes() -> None:
    slow = [Made(1, float(second), 1.0, "a") for second in range(1000)]
    fast = [Made(10, 1000.0 + second, 1.0, "a") for second in range(400)]
    assert Pace(slow + fast).rate(1400.0) == pytest.approx(10.0, rel=0.02)


def test_receipts_without_times_have_no_rate() -> None:
    whole = receipt(UNITS[0], 2.0, 7)
    assert Made.of(4, [whole], 5.0) == Made(4, 5.0, 2.0, "anna:7")
    for missing in ("host", "process", "seconds"):
        older = replace(whole, made={key: value for key, value in whole.made.items() if key != missing})
        assert Made.of(4, [older], 5.0) is None
    assert Made.of(4, [], 5.0) is None


def test_columns_of_receipts_say_who_made_what_and_when() -> None:
    rows = {
        "rows": [4, 4, 4],
        "finished": [1.0, None, 3.0],
        "seconds": [2.0, 2.0, 2.5],
        "worker": ["a:1", "a:1", "b:2"],
    }
    assert Made.read(pa.table({"unit": ["x", "y", "z"], **rows})) == [
        Made(4, 1.0, 2.0, "a:1"),
        Made(4, 3.0, 2.5, "b:2"),
    ]


@pytest.mark.parametrize(
    ("rate", "text"),
    [(None, "no rate yet"), (1234.56, "1,234.6 a second"), (0.5, "30.0 a minute"), (0.01, "36.0 an hour")],
)
def test_rates_as_text(rate: float | None, text: str) -> None:
    assert format_rate(rate) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(4.4, "4 s"), (600, "10 min"), (3599, "1 h 0 min"), (12_000, "3 h 20 min"), (190_800, "2 d 5 h")],
)
def test_times_as_text(seconds: float, text: str) -> None:
    assert format_time(seconds) == text


# --- lines


@pytest.fixture
def log() -> Console:
    return Console(file=io.StringIO(), width=40)


def printed(console: Console) -> list[str]:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_a_log_has_a_line_at_most_every_ten_seconds_and_one_at_the_end(
    log: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = 5000.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock)
    monkeypatch.setattr(progress.time, "time", lambda: clock)
    with Watcher(log, "small") as watch:
        report = watch("images", UNITS)
        for index, unit in enumerate(UNITS):
            clock += 4.0
            report(unit, [receipt(unit, 4.0, 7 + index % 2, failed=index == 0)])
    assert printed(log) == [
        "images: 40 cells in 10 units to make",
        "images: 12 of 40 cells, 1.0 a second, 28 s left, 2 workers, 1 failed",
        "images: 24 of 40 cells, 1.0 a second, 16 s left, 2 workers, 1 failed",
        "images: 36 of 40 cells, 1.0 a second, 4 s left, 2 workers, 1 failed",
        "images: 40 of 40 cells, 1.0 a second, 1 failed",
    ]


def test_two_stages_at_once_have_a_line_each(log: Console) -> None:
    with Watcher(log, "small") as watch:
        images, features = watch("images", UNITS), watch("features", UNITS)
        for unit in UNITS:
            images(unit, [receipt(unit, 1.0, 7)])
            features(unit, [receipt(unit, 1.0, 8), receipt(unit, 2.0, 8)])
    assert [line.split(",")[0] for line in printed(log)[2:]] == [
        "images: 40 of 40 cells",
        "features: 40 of 40 cells",
    ]


def test_troubles_are_told_as_they_happen(log: Console) -> None:
    with Watcher(log, "small") as watch:
        watch("images", UNITS)
        watch.retried("images", UNITS[0].name, "its worker died [node 3]")
        watch.quarantined("images", UNITS[0].name, "RuntimeError: it broke")
        watch.note("a node has joined")
    assert printed(log)[1:] == [
        f"images: {UNITS[0].name} is tried again: its worker died [node 3]",
        f"images: {UNITS[0].name} is given up for now: RuntimeError: it broke",
        "a node has joined",
    ]


# --- a terminal


def test_a_terminal_has_a_bar_a_stage_and_a_line_a_worker() -> None:
    console = Console(file=io.StringIO(), width=120, force_terminal=True, color_system=None)
    with Watcher(console, "small") as watch:
        images, features = watch("images", UNITS), watch("features", UNITS)
        for index, unit in enumerate(UNITS[:6]):
            images(unit, [receipt(unit, 1.0, 7 + index % 2, failed=1)])
        features(UNITS[0], [receipt(UNITS[0], 1.0, 99)])
        watch.note("images: 000003 is tried again: its worker died")
    shown = "\n".join(printed(console))
    last = shown[shown.rindex("images ") :]
    assert "24/40" in last and "a second" in last and "left" in last and "6 failed" in last and "2 workers" in last
    assert "4/40" in shown and "images: anna:7 makes" in shown and "features: anna:99 makes" in shown
    assert "is tried again: its worker died" in shown


def test_a_terminal_shows_as_many_workers_as_it_has_room_for() -> None:
    console = Console(file=io.StringIO(), width=120, force_terminal=True, color_system=None)
    many = plan([Edition((prompt("a"),), tuple(range(100)))], UnitShape(prompts=1, seeds=1))
    with Watcher(console, "small") as watch:
        report = watch("images", many)
        for process, unit in enumerate(many[:50]):
            report(unit, [receipt(unit, 1.0, process)])
    assert f"and {50 - progress.MOST_WORKERS} workers more" in "\n".join(printed(console))


# --- dashboards


@pytest.fixture
def metrics_page() -> Iterator[str]:
    """The address at which a local Ray tells its metrics."""
    pytest.importorskip("aiohttp_cors", reason="without ray[default], Ray exports no metrics")
    import ray

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_metrics_report_interval_ms", "300")
        ray.init(
            address="local", num_cpus=1, include_dashboard=False, log_to_driver=False, object_store_memory=100 * 2**20
        )
    node = ray.nodes()[0]
    yield f"http://{node['NodeManagerAddress']}:{node['MetricsExportPort']}/metrics"
    ray.shutdown()


def values(page: str) -> dict[tuple[str, str], float]:
    """(name, stage) -> value of the metrics of the run `small`, as Prometheus would read them."""
    with urllib.request.urlopen(page, timeout=GENEROUS) as answer:
        lines = [line for line in answer.read().decode().splitlines() if line.startswith("ray_seedscope_")]
    found = {}
    for line in lines:
        name, _, rest = line.partition("{")
        tags, _, value = rest.rpartition("} ")
        labels = dict(tag.split("=", 1) for tag in tags.split(",") if "=" in tag)
        assert labels["run"] == '"small"'
        found[name.removeprefix("ray_"), labels["stage"].strip('"')] = float(value)
    return found


def test_ray_exports_what_a_dashboard_plots(metrics_page: str) -> None:
    with Watcher(Console(file=io.StringIO()), "small") as watch:
        images, features = watch("images", UNITS), watch("features", UNITS)
        for unit in UNITS[:3]:
            images(unit, [receipt(unit, 1.0, 7, failed=2)])
        features(UNITS[0], [receipt(UNITS[0], 1.0, 7)])
        watch.retried("images", UNITS[4].name, "its worker died")
        watch.retried("images", UNITS[4].name, "its worker died")
        watch.quarantined("images", UNITS[4].name, "its worker died")
    wanted = {
        ("seedscope_cells_made_total", "images"): 12.0,
        ("seedscope_cells_made_total", "features"): 4.0,
        ("seedscope_cells_failed_total", "images"): 6.0,
        ("seedscope_units_retried_total", "images"): 2.0,
        ("seedscope_units_quarantined_total", "images"): 1.0,
        ("seedscope_cells_to_make", "images"): 28.0,
        ("seedscope_cells_to_make", "features"): 36.0,
    }
    until(lambda: wanted.items() <= values(metrics_page).items(), "all is exported")
    found = values(metrics_page)
    assert found["seedscope_cells_per_second", "images"] > 0
    names = {name.removesuffix("_total") for name, _ in found}
    assert names == COUNTERS.keys() | GAUGES.keys()


def test_without_ray_nothing_is_counted(log: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    import ray
    from ray.util import metrics

    def refuse(*_: object) -> None:
        raise AssertionError("counted without Ray")

    monkeypatch.setattr(metrics.Metric, "__init__", refuse)
    with Watcher(log, "small") as watch:
        watch("images", UNITS)(UNITS[0], [receipt(UNITS[0], 1.0, 7)])
        watch.retried("images", UNITS[0].name, "it broke")
    assert not ray.is_initialized() and len(printed(log)) == 2
