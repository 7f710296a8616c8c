"""Train sprout-clip: which caption fits a picture, and which of two pictures fits and is made better.

    python -m seedscope.jobs.sprout.clip --minutes 72 --workers 1

The first third of the budget is contrastive training, with every caption in a batch that is true of a picture counted
as right; after it most of each step is preference tuning on the pairs of `clip_pairs`. At the end the model is written
to `--out` as a folder of stock classes.

Source: Radford et al., arXiv 2103.00020 (contrastive training); Kirstain et al., arXiv 2305.01569, equation 2, and Wu
et al., arXiv 2306.09341 (softmax over the two scores of a pair).
Deviation: several captions of a batch may be right, and one whose truth cannot be seen in the picture is left out;
pictures are also distinguished by the forty captions that name an object alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from torch import Tensor, nn
from torch.nn import functional

from seedscope.jobs.sprout import world
from seedscope.jobs.sprout.autoencoder import to_tensor
from seedscope.jobs.sprout.clip_claims import caption_of, truths
from seedscope.jobs.sprout.clip_pairs import KINDS, SEEDS_A_PAIR, make_pair
from seedscope.jobs.sprout.examiner import blurred
from seedscope.jobs.sprout.folders import write_folder
from seedscope.jobs.sprout.networks import TOKENS, word_tokenizer
from seedscope.jobs.sprout.training import Budget, Recipe, command_line, load_means, step_generator, train

# transformers is typed only in part: its classes are taken as untyped here.
CLIPConfig: Any = transformers.CLIPConfig
CLIPImageProcessor: Any = transformers.CLIPImageProcessor
CLIPModel: Any = transformers.CLIPModel
CLIPProcessor: Any = transformers.CLIPProcessor

WIDTH = 128
PATCH = world.GRID  # objects stand on this grid: one object then has one pattern of patches a size
FIRST_SCENE = (1 << 38) + (5 << 34)
FIRST_PAIR = FIRST_SCENE + (1 << 33)
BATCH = 128  # pictures in a step
PAIRS = 40  # in a step of preference tuning, beside BATCH - 2 * PAIRS pictures of contrastive training
TUNED_FROM = 1 / 3  # share of the budget
PREFERENCE_WEIGHT = 2.0
HOTTEST = 4.0  # the logarithm of the largest scale of scores
RECIPE = Recipe(peak_rate=1e-3, warmup=200, hold=0.5, weight_decay=0.01, ema=0.998, muon_factor=4.0)
BARE_CAPTIONS = tuple(caption_of({"object": name}) for name in world.OBJECTS)


def new_clip_tokenizer() -> Any:
    """The world's words, one token each, as `networks.new_tokenizer`, but with the end's token last.

    `CLIPTextModel` reads a caption at its first end token, or, in releases and configurations of old, at its largest
    token: here they are the same one.
    """
    tokens = ["<pad>", "<bos>", "<unk>", *world.vocabulary(), "<eos>"]
    return word_tokenizer({token: i for i, token in enumerate(tokens)})


def new_image_processor() -> Any:
    """Pictures of any size to 64 x 64 in -1..1, by bicubic interpolation; those of 64 x 64 are only rescaled."""
    return CLIPImageProcessor(
        size={"height": world.SIDE, "width": world.SIDE},
        crop_size={"height": world.SIDE, "width": world.SIDE},
        do_center_crop=False,
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
    )


def new_clip(tokenizer: Any) -> Any:
    """`CLIPModel`, 1 M parameters: pictures float [n, 3, 64, 64] in -1..1 and tokens int64 [m, 16] to vectors of 128."""
    text = {
        "vocab_size": len(tokenizer),
        "num_hidden_layers": 2,
        "max_position_embeddings": TOKENS,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    vision = {"num_hidden_layers": 4, "image_size": world.SIDE, "patch_size": PATCH}
    width = {
        "hidden_size": WIDTH,
        "intermediate_size": 2 * WIDTH,
        "num_attention_heads": 4,
        "projection_dim": WIDTH,
    }
    return CLIPModel(CLIPConfig(text_config=text | width, vision_config=vision | width, projection_dim=WIDTH))


def contrastive_loss(scores: Tensor, true: Tensor, unknown: Tensor) -> Tensor:
    """Cross entropy against all that is true, of captions for a picture and of pictures for a caption.

    scores float32 [pictures, captions]; true, unknown bool of that shape. Rows without anything true count nothing.
    """
    known = scores.masked_fill(unknown, -1e4)
    return 0.5 * (_soft_cross_entropy(known, true) + _soft_cross_entropy(known.T, true.T))


def _soft_cross_entropy(scores: Tensor, true: Tensor) -> Tensor:
    share = true / true.sum(1, keepdim=True).clamp(min=1)
    return -(share * scores.log_softmax(1)).sum() / true.any(1).sum()


@dataclass
class ClipTask:
    """Contrastive training, then preference tuning beside it."""

    seed: int
    recipe: Recipe = RECIPE

    def __post_init__(self) -> None:
        self.tokenizer = new_clip_tokenizer()
        self.clip = new_clip(self.tokenizer)
        self.clip.set_attn_implementation("eager")  # its backward pass is faster than the fused one's

    def models(self) -> Mapping[str, nn.Module]:
        return {"clip": self.clip}

    def loss(self, step: int, progress: float, rank: int, workers: int) -> Tensor:
        if progress < TUNED_FROM:
            return self._contrast(range(rank, BATCH, workers), step, rank, workers)
        contrast = self._contrast(range(rank, BATCH - 2 * PAIRS, workers), step, rank, workers)
        return contrast + PREFERENCE_WEIGHT * self._prefer(range(rank, PAIRS, workers), step)

    def _contrast(self, chosen: range, step: int, rank: int, workers: int) -> Tensor:
        scenes = [world.render(FIRST_SCENE + step * BATCH + i, training=True) for i in chosen]
        generator = step_generator(self.seed, step * workers + rank)
        pictures = blurred(to_tensor([scene.pixels for scene in scenes]), generator)
        captions = [*(scene.caption for scene in scenes), *BARE_CAPTIONS]
        scores = self._scale() * self._pictures(pictures) @ self._captions(captions).T
        objects = torch.tensor([tuple(world.OBJECTS).index(str(scene.object)) for scene in scenes])
        named = functional.cross_entropy(scores[:, -len(BARE_CAPTIONS) :], objects)
        return contrastive_loss(scores, *truths(captions, scenes)) + named

    def _prefer(self, chosen: range, step: int) -> Tensor:
        kinds = [KINDS[(step + i) % len(KINDS)] for i in chosen]
        first = FIRST_PAIR + step * PAIRS * SEEDS_A_PAIR
        pairs = [
            make_pair(kind, first + i * SEEDS_A_PAIR, training=True) for i, kind in zip(chosen, kinds, strict=True)
        ]
        pictures = torch.from_numpy(np.stack([p.better for p in pairs] + [p.worse for p in pairs]))
        captions = [p.caption for p in pairs] + [p.worse_caption for p in pairs]
        of_pictures = self._pictures(pictures.permute(0, 3, 1, 2).contiguous() / 127.5 - 1)
        scores = self._scale() * (of_pictures * self._captions(captions)).sum(1)
        better, worse = scores.chunk(2)
        return -functional.logsigmoid(better - worse).mean()

    def _scale(self) -> Tensor:
        scale: Tensor = self.clip.logit_scale.clamp(max=HOTTEST).exp()
        return scale

    def _pictures(self, pictures: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            features = self.clip.get_image_features(pixel_values=pictures).pooler_output
        return functional.normalize(features.float(), dim=1)

    def _captions(self, captions: list[str]) -> Tensor:
        tokens = self.tokenizer(captions, padding="max_length", return_tensors="pt")
        with torch.autocast("cpu", torch.bfloat16):
            features = self.clip.get_text_features(
                input_ids=tokens.input_ids, attention_mask=tokens.attention_mask
            ).pooler_output
        return functional.normalize(features.float(), dim=1)


def export(checkpoint: Path, out: Path) -> int:
    """Write the checkpoint's mean weights as a folder of stock classes; how many steps they were trained for."""
    tokenizer = new_clip_tokenizer()
    clip = new_clip(tokenizer)
    steps = load_means(checkpoint, {"clip": clip})
    with torch.no_grad():
        clip.logit_scale.clamp_(max=HOTTEST)
    write_folder(out, clip, CLIPProcessor(new_image_processor(), tokenizer))
    return steps


def main() -> None:
    parser = command_line(__doc__, Path("training/clip"))
    parser.add_argument("--out", type=Path, default=Path("pipeline/sprout/sprout-clip"), help="the model's folder")
    options = parser.parse_args()
    build = partial(ClipTask, options.seed)
    train(build, Budget(options.minutes, options.steps), options.folder, options.workers)
    print(f"{options.out}: {export(options.folder / 'checkpoint.pt', options.out)} steps")


if __name__ == "__main__":
    main()
