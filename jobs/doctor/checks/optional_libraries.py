"""Libraries that only some studies need."""

from collections.abc import Iterator

from seedscope.jobs.doctor.finding import Finding, ok
from seedscope.jobs.doctor.installed import installed
from seedscope.jobs.doctor.site import Site

USES = {
    "peft": "LoRAs",
    "s3fs": "runs at s3:// URLs",
    "gcsfs": "runs at gs:// URLs",
    "compel": "weighted prompts",
    "bitsandbytes": "weights of 4 and 8 bits",
    "torchao": "quantised weights",
    "gguf": "weights in GGUF files",
}


def check(site: Site) -> Iterator[Finding]:  # noqa: ARG001
    found = {name: installed(name) for name in USES}
    here = [f"{name} {there}" for name, there in found.items() if there]
    missing = [f"{name} ({USES[name]})" for name, there in found.items() if not there]
    told = [", ".join(here)] if here else []
    told += [f"not here: {', '.join(missing)}"] if missing else []
    yield ok("optional libraries", "; ".join(told), "pip install those that you need." if missing else "", facts=found)
