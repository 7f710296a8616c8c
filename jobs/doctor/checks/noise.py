"""Whether a seed has the noise here that it has elsewhere."""

from collections.abc import Iterator

from seedscope.jobs.doctor.finding import Facts, Finding, note, ok, problem
from seedscope.jobs.doctor.site import Site

SEED, SHAPE = 0, (4, 8, 8)
FIRST = (-1.1258398, -1.1523602, -0.2505786, -0.4338788, 0.8487104, 0.6920092, -0.3160128, -2.1152194)
"""Source: torch.randn after torch.manual_seed(0), 16 values or more, on the CPU, in every release since 1.0."""


def check(site: Site) -> Iterator[Finding]:  # noqa: ARG001
    import torch

    from seedscope.pipeline.drawing.noise import ROUNDING, digest, latent

    drawn = latent(SEED, SHAPE)
    apart = (drawn.flatten()[: len(FIRST)] - torch.tensor(FIRST)).abs().max().item()
    facts: Facts = {"digest": digest(drawn), "apart": apart}
    if apart > ROUNDING:
        remedy = "Install a released torch; until then seeds mean other pictures here than elsewhere."
        yield problem("noise", f"seed 0 is other noise than elsewhere, by {apart:.2g}", remedy, facts=facts)
    else:
        yield ok("noise", "seed 0 is the noise that it is elsewhere", facts=facts)
    halves = {str(dtype): _same_in(dtype) for dtype in (torch.float16, torch.bfloat16)}
    if not all(halves.values()):
        yield note(
            "noise in half precision",
            "a pipeline of yours that draws its noise in half precision draws other noise than float32 rounded",
            "Give your pipeline `latents=golden.latents(pipe)`, not generators.",
            facts=halves,
        )


def _same_in(dtype: object) -> bool:
    """Whether noise that is drawn in a dtype is that of float32, rounded."""
    import torch

    from seedscope.pipeline.drawing.noise import latent

    generator = torch.Generator("cpu").manual_seed(SEED)
    drawn = torch.randn((1, *SHAPE), generator=generator, dtype=dtype)[0]  # type: ignore[call-overload]
    return torch.equal(drawn, latent(SEED, SHAPE).to(drawn.dtype))
