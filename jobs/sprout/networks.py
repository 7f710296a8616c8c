"""The untrained parts of sprout, all of stock classes, and the tokenizer of its world."""

from typing import Any

import diffusers
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from seedscope.jobs.sprout import world

# Both libraries are typed only in part: their classes are taken as untyped here, and nowhere else in this package.
AutoencoderKL: Any = diffusers.AutoencoderKL
DDIMScheduler: Any = diffusers.DDIMScheduler
StableDiffusionPipeline: Any = diffusers.StableDiffusionPipeline
UNet2DConditionModel: Any = diffusers.UNet2DConditionModel
CLIPTextModel: Any = transformers.CLIPTextModel
PreTrainedTokenizerFast: Any = transformers.PreTrainedTokenizerFast

LATENT_CHANNELS = 16
LATENT_SIDE = world.SIDE // world.GRID
WIDTH = 128
PAD, BOS, EOS, UNK = range(4)
TOKENS = 16  # length of a caption with its two ends; the longest of the world has 14


def new_autoencoder() -> Any:
    """`AutoencoderKL`, 2.6 M parameters: float [n, 3, 64, 64] in -1..1 to latents [n, 16, 8, 8] and back."""
    return AutoencoderKL(
        latent_channels=LATENT_CHANNELS,
        block_out_channels=(16, 32, 64, 128),
        layers_per_block=1,
        norm_num_groups=8,
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        mid_block_add_attention=False,
        sample_size=world.SIDE,
    )


def new_unet() -> Any:
    """`UNet2DConditionModel`, 6.8 M parameters, heads of 32 channels: the velocity of latents [n, 16, 8, 8]."""
    return UNet2DConditionModel(
        sample_size=LATENT_SIDE,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        layers_per_block=1,
        block_out_channels=(WIDTH, WIDTH),
        down_block_types=("CrossAttnDownBlock2D",) * 2,
        up_block_types=("CrossAttnUpBlock2D",) * 2,
        cross_attention_dim=WIDTH,
        attention_head_dim=4,  # diffusers' name for the number of heads
        norm_num_groups=16,
    )


def new_text_encoder(vocabulary_size: int) -> Any:
    """`CLIPTextModel` of two layers: tokens int64 [n, 16] to one vector a token, [n, 16, 128]."""
    config = transformers.CLIPTextConfig(
        vocab_size=vocabulary_size,
        hidden_size=WIDTH,
        intermediate_size=2 * WIDTH,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=TOKENS,
        bos_token_id=BOS,
        eos_token_id=EOS,
        pad_token_id=PAD,
    )
    return CLIPTextModel(config)


def new_scheduler() -> Any:
    """Betas that end at a signal of 1.5 %.

    That is practically pure noise, yet finite for the samplers that divide by the signal (Euler, DPM-Solver++).
    """
    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.02,
        prediction_type="v_prediction",
        clip_sample=False,
        timestep_spacing="trailing",
    )


def new_tokenizer() -> Any:
    """A stock fast tokenizer with one token a word of the world's captions, and one for every other word.

    Lower case, split at spaces and punctuation, `<bos> words <eos>`, padded to 16.
    """
    special = {"<pad>": PAD, "<bos>": BOS, "<eos>": EOS, "<unk>": UNK}
    return word_tokenizer(special | {word: len(special) + i for i, word in enumerate(world.vocabulary())})


def word_tokenizer(numbers: dict[str, int]) -> Any:
    """A stock fast tokenizer of whole words with these numbers, `<pad>`, `<bos>`, `<eos>` and `<unk>` among them."""
    backend = Tokenizer(models.WordLevel(numbers, unk_token="<unk>"))
    backend.normalizer = normalizers.Lowercase()
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    ends = [(end, numbers[end]) for end in ("<bos>", "<eos>")]
    backend.post_processor = processors.TemplateProcessing(single="<bos> $A <eos>", special_tokens=ends)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<pad>",
        bos_token="<bos>",
        eos_token="<eos>",
        unk_token="<unk>",
        model_max_length=TOKENS,
    )
