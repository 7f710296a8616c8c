"""A report's data made up from a generator: plausible numbers with known truth, for tests and for the benchmark."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from seedscope.analysis.direction import Better
from seedscope.analysis.report.data import (
    Comparison,
    DistanceKind,
    DiverseSet,
    Estimate,
    Experiment,
    ExperimentTable,
    Golden,
    Layout,
    Measured,
    PictureScores,
    ReportData,
    SeedValue,
    Stability,
    StyleMap,
    TaskRates,
)
from seedscope.pipeline.images import Pixels

Array = npt.NDArray[np.float64]

OBJECTS = ("apple", "lighthouse", "bicycle", "fox", "teapot", "castle", "robot", "guitar", "snail", "umbrella", "train")
STYLES = (
    "a {}",
    "a {} in the snow",
    "a red {}",
    "a watercolour of a {}",
    "a {} at night",
    "two {}s",
    "a {} made of glass",
    "a tiny {}",
)
HARD_PROMPTS = (
    "<script>document.title = 'broken'</script> & <b>bold</b>",
    "\"double\" 'single' `tick` \\ --> ]]> </script>",
    "قطة صغيرة تجلس على النافذة",
    "🦊👩‍👩‍👧 a fox \u2028 with a family",
    "a very long story of a snail " * 69,
)


def made_up(seeds: int = 64, prompts: int = 40, rng: np.random.Generator | None = None) -> ReportData:
    """Every section, for `seeds` seeds from 0 and `prompts` prompts, the first of them hard to write in HTML."""
    rng = rng or np.random.default_rng(0)
    texts = {f"p{place:03d}": text for place, text in enumerate(_prompts(prompts))}
    quality = rng.standard_normal(seeds)
    measures = [
        _measured(rng, "clip_score", "CLIPScore", quality, mean=26.0, spread=0.35, share=0.021, prompts=prompts),
        _measured(
            rng,
            "hps_v2",
            "HPS v2",
            0.7 * quality + 0.7 * rng.standard_normal(seeds),
            mean=0.271,
            spread=0.0016,
            share=0.034,
            prompts=prompts,
        ),
        _measured(
            rng,
            "fd_efficientnet_lite0",
            "Fréchet distance (EfficientNet-Lite0)",
            -quality,
            mean=214.0,
            spread=7.0,
            better="lower",
            prompts=prompts,
        ),
        _measured(
            rng,
            "brightness",
            "Brightness",
            rng.standard_normal(seeds),
            mean=0.52,
            spread=0.03,
            share=0.12,
            better=None,
            prompts=prompts,
        ),
        _rate(rng, "greyscale", "Greyscale pictures", rng.beta(0.6, 7, seeds), prompts),
        _rate(rng, "border", "Pictures with a border", rng.beta(2, 30, seeds), prompts),
        _rate(rng, "sky", "Pictures with a sky", rng.beta(12, 30, seeds), prompts),
    ]
    order = sorted(measures[0].seeds, key=lambda seed: -(measures[0].seeds[seed].shrunk.value or 0.0))
    golden = [seed for seed in order if (measures[0].seeds[seed].q or 1) <= 0.05][: max(4, seeds // 16)]
    return ReportData(
        title="sprout-turbo, made-up numbers",
        answer=(
            "Yes, the seed matters a little: it explains 2.1 % of how CLIPScores differ, the prompt explains 61 %.",
            f"{len(golden)} of {seeds} seeds are better than average, and stay so on prompts that did not choose them.",
            "Greyscale and brightness belong to the seed far more than quality does, so avoid the worst seeds.",
        ),
        by="clip_score",
        measures=measures,
        ranked=order,
        golden=Golden(
            "confirmed",
            golden,
            "On the confirmation prompts the golden seeds gain 0.31 CLIPScore over random ones, and the interval leaves out 0.",
            [_comparison(rng, measured) for measured in measures[:3]],
        ),
        prompts=texts,
        shown=list(texts)[:8] if prompts <= 12 else [f"p{place:03d}" for place in range(5, 13)],
        made=_MADE,
        failed={f"p{place:03d} x seed 3": "NaN in the latents <after step 7>" for place in (1, 6)},
        distances=[
            DistanceKind("fd_efficientnet_lite0", prompts, 1024, 1280, None, "rank-deficient: too few <images>"),
            DistanceKind("brightness", prompts, 1024, 1280, Estimate(0.81, (0.7, 0.88)), None),
        ],
        diverse=[_diverse(rng, "style", seeds), _diverse(rng, "layout", seeds)],
        style=_style(rng, seeds),
        layout={seed: _layout(rng, prompts) for seed in range(seeds)},
        experiments=[_experiment()],
        text=[_text(rng, "sign on a shop", seeds, prompts), _text(rng, "blank wall", seeds, prompts)],
        top_k=max(4, seeds // 16),
        groups={prompt: OBJECTS[place % len(OBJECTS)] for place, prompt in enumerate(texts)},
        scores=[_scores(rng, measured, prompts) for measured in measures if measured.shares],
    )


def _scores(rng: np.random.Generator, measured: Measured, prompts: int) -> PictureScores:
    """Of single pictures, whose mean is near that of their seed; one in a thousand is missing."""
    seeds = sorted(measured.seeds)
    means = np.array([measured.seeds[seed].value.value or 0.0 for seed in seeds])
    noise = rng.standard_normal((prompts, len(seeds)))
    values = noise < (means - 0.5) * 3 if measured.rate else means + 3 * means.std() * noise
    missing = rng.random(values.shape) < 0.001
    return PictureScores(measured.name, seeds, np.where(missing, np.nan, values).astype(np.float32))


def made_up_pictures(count: int, side: int = 64) -> list[Pixels]:
    """Scenes of sprout's world, or gradients where its fonts are missing. (side, side, 3) uint8."""
    from seedscope.jobs.sprout import world

    if side == world.SIDE and world.EMOJI_FONT.exists() and world.WORD_FONT.exists():
        return [world.render(seed).pixels for seed in range(count)]
    ramp = np.linspace(0, 255, side)
    return [
        np.stack(
            [np.add.outer(ramp, ramp) / 2, np.tile(ramp, (side, 1)), np.full((side, side), 255 * i / count)], axis=-1
        ).astype(np.uint8)
        for i in range(count)
    ]


def repeated(pictures: Sequence[Pixels], data: ReportData) -> Callable[[int, str], Pixels | None]:
    """A picture for each cell from a few, over and over; seed 3 has none for two prompts."""
    places = {prompt: place for place, prompt in enumerate(data.prompts)}

    def picture(seed: int, prompt: str) -> Pixels | None:
        return (
            None
            if seed == 3 and places[prompt] in (1, 6)
            else pictures[(7 * seed + 5 * places[prompt]) % len(pictures)]
        )

    return picture


_MADE = {
    "Study": ["made-up, sha256 3f9ac1…", "64 x 64 pixels, 1 step, no guidance, seeds 0 to 63"],
    "Model": ["sprout-turbo", "unet/diffusion_pytorch_model.safetensors: sha256 " + "8d12dcab" * 8],
    "Versions": ["seedscope 0.1.0, torch 2.14, diffusers 0.42"],
    "Times": ["2,560 pictures in 17 s, measured in 41 s"],
}


def _prompts(number: int) -> list[str]:
    grid = [style.format(name) for style in STYLES for name in OBJECTS]
    plain = [
        f"{grid[place % len(grid)]}, number {place // len(grid) + 1}" if place >= len(grid) else grid[place]
        for place in range(number)
    ]
    return [*HARD_PROMPTS, *plain][:number]


def _measured(
    rng: np.random.Generator,
    name: str,
    title: str,
    worth: Array,
    *,
    mean: float,
    spread: float,
    prompts: int,
    share: float | None = None,
    better: Better | None = "higher",
) -> Measured:
    """A measurement whose seeds have the effects spread * worth, seen with an error that falls with the prompts."""
    error = spread * 3 / np.sqrt(prompts)
    seen, again = (spread * worth + error * rng.standard_normal(len(worth)) for _ in range(2))
    shrink = spread**2 / (spread**2 + error**2)
    luck = error * np.sqrt(2 * np.log(max(2, len(worth))))
    top = np.argsort(np.argsort(-seen if better != "lower" else seen))
    values = {
        seed: SeedValue(
            n=prompts,
            value=_around(mean + effect, error),
            effect=_around(effect, error),
            shrunk=_around(shrink * effect, error * np.sqrt(shrink)),
            q=float(np.clip(np.exp(-(effect if better != "lower" else -effect) / error), 1e-6, 1)),
            probability=float(np.exp(-top[seed] / max(4, len(worth) / 8))),
            resampled=None,
        )
        for seed, effect in enumerate(map(float, seen))
    }
    shares = {} if share is None else {"seed": share, "prompt": 0.61, "rest": 0.39 - share}
    lucky = (mean + 0.85 * luck, mean + 1.15 * luck), (mean - 1.15 * luck, mean - 0.85 * luck)
    best, worst = lucky[::-1] if better == "lower" else lucky
    stability = Stability(
        spearman=Estimate(0.62, (0.44, 0.76)),
        p=0.0004,
        k=16,
        overlap=9,
        expected=4.0,
        deviation=1.6,
        points={seed: (float(seen[seed]), float(again[seed])) for seed in range(len(worth))},
    )
    return Measured(
        name=name,
        title=title,
        unit="",
        better=better,
        rate=False,
        prompts=prompts,
        groups=max(1, prompts // 5),
        cells=prompts * len(worth) - 2,
        missing=2,
        mean=mean,
        median=mean,
        shares={part: Estimate(value, (0.6 * value, min(1.0, 1.5 * value))) for part, value in shares.items()},
        reliability=float(shrink),
        prompts_for_08=float(prompts * 4 * (1 - shrink) / shrink),
        p=0.0005,
        shuffles=1999,
        best=best,
        worst=worst,
        stability=stability,
        seeds=values,
    )


def _rate(rng: np.random.Generator, name: str, title: str, truth: Array, prompts: int) -> Measured:
    shown = rng.binomial(prompts, truth) / prompts
    mean = float(shown.mean())
    error = np.sqrt(mean * (1 - mean) / prompts)
    values = {
        seed: SeedValue(
            n=prompts,
            value=_share(rate, prompts),
            effect=_around(rate - mean, error),
            shrunk=_around(0.7 * (rate - mean), 0.8 * error),
            q=None,
            probability=None,
            resampled=None,
        )
        for seed, rate in enumerate(map(float, shown))
    }
    high, low = (mean + 2.2 * error, mean + 3 * error), (max(0.0, mean - 2 * error), max(0.0, mean - 1.2 * error))
    return Measured(
        name=name,
        title=title,
        unit="share",
        better=None,
        rate=True,
        prompts=prompts,
        groups=max(1, prompts // 5),
        cells=prompts * len(truth),
        missing=0,
        mean=mean,
        median=mean,
        shares={
            "seed": Estimate(0.18, (0.15, 0.22)),
            "prompt": Estimate(0.2, (0.17, 0.24)),
            "rest": Estimate(0.62, (0.58, 0.66)),
        },
        reliability=0.88,
        prompts_for_08=22.0,
        p=0.0005,
        shuffles=1999,
        best=high,
        worst=low,
        stability=None,
        seeds=values,
    )


def _around(value: float, error: float) -> Estimate:
    return Estimate(float(value), (float(value - 1.96 * error), float(value + 1.96 * error)))


def _share(rate: float, number: int) -> Estimate:
    error = 1.96 * np.sqrt(max(rate * (1 - rate), 0.25 / number) / number)
    return Estimate(rate, (float(max(0.0, rate - error)), float(min(1.0, rate + error))))


def _comparison(rng: np.random.Generator, measured: Measured) -> Comparison:
    unit = abs((measured.best or (0.0, 0.0))[0] - (measured.mean or 0.0)) or 1.0
    way = -1 if measured.better == "lower" else 1
    mean = measured.mean or 0.0
    groups = [_around(mean + way * step * unit, 0.12 * unit) for step in (0.5, 0.0, -0.6)]
    gain = _around(
        way * (0.5 + 0.1 * rng.standard_normal()) * unit, 0.17 * unit if measured.name != "hps_v2" else 0.4 * unit
    )
    return Comparison(measured.name, *groups, gain)


def _diverse(rng: np.random.Generator, space: str, seeds: int) -> DiverseSet:
    chosen = rng.permutation(seeds)[: min(8, seeds)].tolist()
    return DiverseSet(space, chosen, Estimate(0.412, (0.398, 0.426)), Estimate(0.521, (0.488, 0.553)), 0.002, 999, 440)


def _style(rng: np.random.Generator, seeds: int) -> StyleMap:
    centres = np.array([(-3, 1), (2, 3), (2.5, -2.5)])
    which = rng.integers(0, 3, seeds)
    places = centres[which] + rng.standard_normal((seeds, 2))
    clusters: Mapping[int, str] = {
        1: "brighter backgrounds, few borders",
        2: "greyscale far more often",
        3: "dark, objects low in the picture",
    }
    return StyleMap(
        feature="style_efficientnet_lite0",
        places={
            seed: (float(x), float(y), int(cluster) + 1)
            for seed, ((x, y), cluster) in enumerate(zip(places, which, strict=True))
        },
        clusters=clusters,
        sentence="Three clusters are there, more clearly than in a single cloud of the same shape (p = 0.01).",
    )


def _layout(rng: np.random.Generator, prompts: int, grid: int = 8) -> Layout:
    middle = 0.5 + 0.08 * rng.standard_normal(2)
    points = np.clip(middle + 0.12 * rng.standard_normal((prompts, 2)), 0, 1)
    axis = (np.arange(grid) + 0.5) / grid
    heat = np.exp(-(((axis[None, :] - middle[0]) / 0.22) ** 2 + ((axis[:, None] - middle[1]) / 0.22) ** 2))
    return Layout(
        heat.tolist(),
        [(float(x), float(y)) for x, y in points],
        float(rng.uniform(0.1, 0.3)),
        float(rng.uniform(0.4, 0.9)),
    )


def _experiment() -> Experiment:
    return Experiment(
        name="swap",
        title="What decides, the first noise or the later?",
        sentences=["The first noise decides 83 % of the style (29 to 98).", "The later noise decides 17 % (4 to 52)."],
        tables=[ExperimentTable("Variance shares, %", ("of", "first noise", "later noise"), [("style", 83.0, 17.0)])],
        pictures={},
        settings={"prompts": 12, "seeds": 8},
    )


def _text(rng: np.random.Generator, task: str, seeds: int, prompts: int) -> TaskRates:
    shares = rng.binomial(prompts, rng.beta(3, 9, seeds)) / prompts
    return TaskRates(
        task, _share(0.31, prompts), {seed: _share(float(rate), prompts) for seed, rate in enumerate(shares)}
    )
