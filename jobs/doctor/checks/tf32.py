"""Whether float32 is float32: on NVIDIA's GPUs, convolutions in float32 round their inputs to TF32 unless that is set off."""

from collections.abc import Iterator
from contextlib import contextmanager

from seedscope.jobs.doctor.finding import Facts, Finding, note, ok
from seedscope.jobs.doctor.site import Site

EXACT = ("none", "ieee")


def check(site: Site) -> Iterator[Finding]:
    import torch

    mkldnn = str(getattr(torch.backends.mkldnn, "fp32_precision", "none"))
    if mkldnn in EXACT:
        yield ok("TF32 on cpu", "float32 is float32, TF32 is off", facts={"precision": mkldnn})
    else:
        remedy = "Set torch.backends.mkldnn.fp32_precision to 'ieee', or look for who sets it."
        yield note("TF32 on cpu", f"float32 is computed in {mkldnn}", remedy, facts={"precision": mkldnn})
    if site.gpu == "cuda":
        yield _on_cuda()


def _on_cuda() -> Finding:
    import torch

    from seedscope.jobs.doctor.trial import OWN_LOOP, Difference, opened

    trial = opened(OWN_LOOP, "cuda")
    with watched_convolutions() as seen:
        drawn = trial.draw()
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        exact = trial.draw()
    found = Difference.of(drawn, exact)
    on, products = any(seen), torch.backends.cuda.matmul.allow_tf32
    facts: Facts = {"convolutions_tf32": on, "products_tf32": products, "largest": found.largest, "small": found.small}
    if not on and not products:
        return ok("TF32 on cuda", "convolutions and products in float32, TF32 is off", facts=facts)
    which = " and ".join(name for name, is_on in (("convolutions", on), ("products", products)) if is_on)
    return note(
        "TF32 on cuda",
        f"{which} may be in TF32, as torch has it; from exact float32 {found.said}",
        "Set NVIDIA_TF32_OVERRIDE=0 for exact float32, on all machines of a run.",
        facts=facts,
    )


@contextmanager
def watched_convolutions() -> Iterator[list[bool]]:
    """While it lasts, gathers of each convolution that is called whether TF32 is allowed to it."""
    import torch

    seen: list[bool] = []

    def look(module: torch.nn.Module, _: object) -> None:
        if isinstance(module, torch.nn.Conv2d):
            seen.append(bool(torch.backends.cudnn.allow_tf32))

    hook = torch.nn.modules.module.register_module_forward_pre_hook(look)
    try:
        yield seen
    finally:
        hook.remove()
