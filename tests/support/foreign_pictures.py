"""Pictures as other programs write them: the same chunks, tags, keys and encodings."""

import json
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import numpy.typing as npt
from PIL import Image
from PIL.PngImagePlugin import PngInfo

Pixels = npt.NDArray[np.uint8]
EXIF_IFD, USER_COMMENT, MAKE, MODEL, MAKER_NOTE, SOFTWARE = 0x8769, 0x9286, 0x010F, 0x0110, 0x927C, 0x0131


def noise(number: int, height: int = 16, width: int = 24) -> Pixels:
    return np.random.default_rng(number).integers(0, 256, (height, width, 3), np.uint8)


def png(path: Path, texts: Mapping[str, str], pixels: Pixels | None = None) -> Path:
    """A PNG with text chunks: tEXt where Latin-1 holds the text, else iTXt, as PngInfo.add_text chooses for all of them."""
    chunks = PngInfo()
    for key, value in texts.items():
        chunks.add_text(key, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise(0) if pixels is None else pixels).save(path, pnginfo=chunks)
    return path


def chunk(name: bytes, body: bytes) -> bytes:
    """A chunk of a PNG with its length and checksum."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def with_user_comment(path: Path, text: str, encoding: str = "utf-16-be", pixels: Pixels | None = None) -> Path:
    """A JPEG, WebP or AVIF with an EXIF user comment: A1111 writes UTF-16 with the high byte first, SwarmUI the low one."""
    exif = Image.Exif()
    exif.get_ifd(EXIF_IFD)[USER_COMMENT] = b"UNICODE\0" + text.encode(encoding)
    Image.fromarray(noise(0) if pixels is None else pixels).save(path, exif=exif.tobytes(), quality=95)
    return path


def with_exif(path: Path, tag: int, text: str) -> Path:
    """A picture with a text in a tag of EXIF."""
    exif = Image.Exif()
    exif[tag] = text
    Image.fromarray(noise(0)).save(path, exif=exif)
    return path


def quote(value: object) -> str:
    """A value in a line of settings: in quotes where it has a comma, a colon or a line break."""
    return json.dumps(value, ensure_ascii=False) if any(mark in str(value) for mark in ",:\n") else str(value)


def infotext(prompt: str, seed: object, negative: str = "", **changes: object) -> str:
    """The `parameters` text of A1111 1.10."""
    fields: dict[str, object] = {
        "Steps": 20,
        "Sampler": "DPM++ 2M",
        "Schedule type": "Karras",
        "CFG scale": 7,
        "Seed": seed,
        "Size": "24x16",
        "Model hash": "6ce0161689",
        "Model": "v1-5-pruned-emaonly",
        "Lora hashes": "detail: 0c9b9f5ae3ce, add: 4b5e1f",
        "Version": "v1.10.1",
    }
    fields |= {key.replace("_", " "): value for key, value in changes.items()}
    line = ", ".join(f"{key}: {quote(value)}" for key, value in fields.items() if value is not None)
    return f"{prompt}{f'{chr(10)}Negative prompt: {negative}' if negative else ''}\n{line}".strip()


def comfy_graph(prompt: str = "a lighthouse", seed: object = 5, negative: str = "blurry", batch: object = 1) -> Any:
    """The default graph of ComfyUI, in the form of its API."""
    return {
        "3": {
            "class_type": "KSampler",
            "_meta": {"title": "KSampler"},
            "inputs": {
                "seed": seed,
                "steps": 20,
                "cfg": 8.0,
                "sampler_name": "euler",
                "scheduler": "normal",
                "denoise": 1.0,
                "model": ["4", 0],
                "positive": ["6", 0],
                "negative": ["7", 0],
                "latent_image": ["5", 0],
            },
        },
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd15.safetensors"}},
        "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 24, "height": 16, "batch_size": batch}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": prompt, "clip": ["4", 1]}},
        "7": {"class_type": "CLIPTextEncode", "inputs": {"text": negative, "clip": ["4", 1]}},
        "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
        "9": {"class_type": "SaveImage", "inputs": {"filename_prefix": "ComfyUI", "images": ["8", 0]}},
    }


def comfy_png(path: Path, graph: Any, pixels: Pixels | None = None) -> Path:
    return png(path, {"prompt": json.dumps(graph), "workflow": json.dumps({"nodes": [], "links": []})}, pixels)


def comfy_webp(path: Path, graph: Any) -> Path:
    exif = Image.Exif()
    exif[MODEL] = f"prompt:{json.dumps(graph)}"
    exif[MAKE] = f"workflow:{json.dumps({'nodes': []})}"
    Image.fromarray(noise(0)).save(path, exif=exif)
    return path


INVOKE: dict[str, Any] = {
    "generation_mode": "sdxl_txt2img",
    "positive_prompt": 'a "red" lighthouse, storm',
    "negative_prompt": "blurry",
    "width": 24,
    "height": 16,
    "seed": 3863262174,
    "rand_device": "cpu",
    "cfg_scale": 7.5,
    "steps": 30,
    "scheduler": "dpmpp_2m_k",
    "model": {"key": "7f", "hash": "blake3:aa", "name": "sdxl-base", "base": "sdxl", "type": "main"},
    "loras": [{"model": {"key": "1a", "name": "detail", "base": "sdxl", "type": "lora"}, "weight": 0.75}],
    "positive_style_prompt": "",
    "negative_style_prompt": "",
    "app_version": "5.6.0",
}

SD_METADATA: dict[str, Any] = {
    "model": "stable diffusion",
    "model_weights": "stable-diffusion-1.5",
    "model_hash": "cc6cb27103417325ff94f52b7a5d2dde45a7515b25c255d8e396c90014281516",
    "app_id": "invoke-ai/InvokeAI",
    "app_version": "2.3.5",
    "image": {
        "prompt": [{"prompt": "a lighthouse [blurry] in a storm [low quality]", "weight": 1}],
        "steps": 50,
        "cfg_scale": 7.5,
        "threshold": 0,
        "perlin": 0,
        "height": 16,
        "width": 24,
        "seed": 2466834,
        "seamless": False,
        "type": "txt2img",
        "postprocessing": None,
        "sampler": "k_lms",
        "variations": [],
    },
}

SWARM: dict[str, Any] = {
    "sui_image_params": {
        "prompt": "a photo of a cat,\nsitting",
        "model": "OfficialStableDiffusion/sd_xl_base_1.0",
        "images": 4,
        "seed": "2042464333",
        "steps": 20,
        "cfgscale": 7.0,
        "aspectratio": "1:1",
        "width": 24,
        "height": 16,
        "sampler": "euler",
        "scheduler": "normal",
        "loras": "detail,add",
        "loraweights": "0.8",
        "negativeprompt": "",
        "swarm_version": "0.9.5.0",
    },
    "sui_extra_data": {"date": "2024-11-13", "generation_time": "6.11 (prep) and 4.84 (gen) seconds"},
    "sui_models": [{"name": "sd_xl_base_1.0.safetensors", "param": "model", "hash": "0xd7a9"}],
}

EASY_DIFFUSION: dict[str, str] = {
    "prompt": "a fox in snow",
    "seed": "4021",
    "negative_prompt": "blurry",
    "use_stable_diffusion_model": "sd-v1-5",
    "clip_skip": "False",
    "use_vae_model": "None",
    "sampler_name": "euler_a",
    "width": "24",
    "height": "16",
    "num_inference_steps": "25",
    "guidance_scale": "7.5",
}
NOVELAI: dict[str, str] = {
    "Title": "AI generated image",
    "Description": "1girl, sky",
    "Software": "NovelAI",
    "Source": "Stable Diffusion XL C1E1DA71",
    "Comment": json.dumps(
        {
            "prompt": "1girl, sky",
            "steps": 28,
            "height": 16,
            "width": 24,
            "scale": 5.0,
            "uncond_scale": 1.0,
            "seed": 2968187126,
            "n_samples": 1,
            "noise_schedule": "native",
            "sampler": "k_euler",
            "uc": "lowres",
            "request_type": "PromptGenerateRequest",
        }
    ),
}
FOOOCUS: dict[str, Any] = {
    "adm_guidance": "(1.5, 0.8, 0.3)",
    "base_model": "juggernautXL_v8Rundiffusion",
    "base_model_hash": "aeb7e9e689",
    "full_negative_prompt": ["unrealistic, blurry"],
    "full_prompt": ["cinematic still a lighthouse", "a lighthouse, dramatic, intricate, elegant"],
    "guidance_scale": 4,
    "lora_combined_1": "offset : 0.1",
    "loras": [["offset", 0.1, "4852686128"]],
    "metadata_scheme": "fooocus",
    "negative_prompt": "",
    "performance": "Speed",
    "prompt": "a lighthouse",
    "resolution": "(24, 16)",
    "sampler": "dpmpp_2m_sde_gpu",
    "scheduler": "karras",
    "seed": "8159190371837489013",
    "sharpness": 2,
    "steps": 30,
    "styles": "['Fooocus V2', 'Fooocus Enhance']",
    "vae": "Default (model)",
    "version": "Fooocus v2.5.5",
}


def fooocus_exif(path: Path, parameters: str, scheme: str) -> Path:
    """A JPEG or WebP of Fooocus, which puts the user comment beside the EXIF directory, and as text."""
    exif = Image.Exif()
    exif[USER_COMMENT] = parameters
    exif[SOFTWARE] = "Fooocus v2.5.5"
    exif[MAKER_NOTE] = scheme
    Image.fromarray(noise(0)).save(path, quality=95, exif=exif)
    return path


DRAW_THINGS: dict[str, Any] = {
    "c": "a guitar <on> a lake",
    "uc": "ocean & sun",
    "steps": 8,
    "sampler": "UniPC Trailing",
    "scale": 4.5,
    "seed": 3665757974,
    "size": "24x16",
    "model": "sd_v1.5_f16.ckpt",
    "strength": 1,
    "seed_mode": "Scale Alike",
    "shift": 3,
    "lora": [{"model": "detail.ckpt", "weight": 0.8}, {"model": "add.ckpt", "weight": 0.4}],
    "v2": {"batchSize": 1, "batchCount": 4, "seed": 3665757974, "clipSkip": 1},
    "profile": {"duration": 12.5},
}
DRAW_THINGS_TEXT = (
    "a guitar <on> a lake\n-ocean & sun\n"
    "Steps: 8, Sampler: UniPC Trailing, Guidance Scale: 4.5, Seed: 3665757974, Size: 24x16, "
    "Model: sd_v1.5_f16.ckpt, Strength: 1.0, Seed Mode: Scale Alike, Shift: 3.0, LoRA Model: detail.ckpt, LoRA Weight: 0.8, "
    "LoRA Model: add.ckpt, LoRA Weight: 0.4"
)


def draw_things_xmp(description: str = DRAW_THINGS_TEXT, comment: Mapping[str, Any] | None = None) -> str:
    """The XMP of Draw Things; its first editions wrote no comment."""
    said = f"<exif:UserComment>{_in_languages(json.dumps(comment))}</exif:UserComment>" if comment is not None else ""
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 6.0.0">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
        'xmlns:exif="http://ns.adobe.com/exif/1.0/">'
        f"<dc:description>{_in_languages(description)}</dc:description>{said}"
        "<xmp:CreatorTool>Draw Things</xmp:CreatorTool></rdf:Description></rdf:RDF></x:xmpmeta>"
    )


def _in_languages(text: str) -> str:
    return f'<rdf:Alt><rdf:li xml:lang="x-default">{escape(text)}</rdf:li></rdf:Alt>'
