"""Classes of diffusers that no family knows in the published layout, with tiny random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tiny_models
from diffusers import (
    AmusedPipeline,
    AmusedScheduler,
    AutoencoderKL,
    DDIMScheduler,
    DDPMScheduler,
    KandinskyV22CombinedPipeline,
    LDMTextToImagePipeline,
    PriorTransformer,
    UnCLIPScheduler,
    UNet2DConditionModel,
    UVit2DModel,
    VQModel,
)
from diffusers.pipelines.latent_diffusion.pipeline_latent_diffusion import LDMBertConfig, LDMBertModel
from transformers import (
    CLIPImageProcessor,
    CLIPTextModelWithProjection,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)


def vq(*widths: int, **config: Any) -> VQModel:
    return VQModel(
        block_out_channels=widths,
        down_block_types=("DownEncoderBlock2D",) * len(widths),
        up_block_types=("UpDecoderBlock2D",) * len(widths),
        layers_per_block=1,
        norm_num_groups=4,
        **config,
    ).eval()


def amused(folder: Path) -> Path:
    """A masked transformer: it draws tokens, and which of them to mask, never a Gaussian latent."""
    clip = tiny_models.clip_tokenizer(folder / "tokenizer", pad="<|endoftext|>")
    transformer = UVit2DModel(
        hidden_size=32,
        use_bias=False,
        hidden_dropout=0.0,
        cond_embed_dim=32,
        micro_cond_encode_dim=2,
        micro_cond_embed_dim=10,
        encoder_hidden_size=32,
        vocab_size=32,
        codebook_size=32,
        in_channels=32,
        block_out_channels=32,
        num_res_blocks=1,
        downsample=False,
        upsample=False,
        block_num_heads=4,
        num_hidden_layers=1,
        num_attention_heads=4,
        attention_dropout=0.0,
        intermediate_size=32,
        layer_norm_eps=1e-6,
        ln_elementwise_affine=True,
    )
    text_encoder = CLIPTextModelWithProjection(tiny_models.text_config(clip, width=32, activation="gelu"))
    vqvae = vq(8, 8, latent_channels=32, num_vq_embeddings=32, lookup_from_codebook=True)
    scheduler = AmusedScheduler(mask_token_id=31)
    AmusedPipeline(vqvae, clip, text_encoder.eval(), transformer.eval(), scheduler).save_pretrained(folder)
    return folder


def latent_diffusion(folder: Path) -> Path:
    """A text encoder of the pipeline's own class, and DDIM, which draws no noise of its own without eta."""
    clip = tiny_models.clip_tokenizer(folder / "tokenizer", pad="<|endoftext|>")
    config = LDMBertConfig(
        vocab_size=len(clip), encoder_layers=1, encoder_ffn_dim=32, encoder_attention_heads=4, head_dim=8, d_model=32
    )
    unet = small_unet(cross_attention_dim=32, in_channels=4, out_channels=4)
    scheduler = DDIMScheduler(beta_start=0.0015, beta_end=0.0195, beta_schedule="scaled_linear", clip_sample=False)
    vae = AutoencoderKL(
        latent_channels=4,
        block_out_channels=(8, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        norm_num_groups=4,
    )
    pipe = LDMTextToImagePipeline(vae.eval(), LDMBertModel(config).eval(), clip, unet, scheduler)
    pipe.save_pretrained(folder)
    return folder


def small_unet(**config: Any) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(8, 16),
        layers_per_block=1,
        norm_num_groups=4,
        attention_head_dim=4,
        down_block_types=("DownBlock2D", "SimpleCrossAttnDownBlock2D"),
        up_block_types=("SimpleCrossAttnUpBlock2D", "UpBlock2D"),
        mid_block_type="UNetMidBlock2DSimpleCrossAttn",
        **config,
    ).eval()


def kandinsky(folder: Path) -> Path:
    """Two pipelines in one: a prior that draws an embedding of a picture, and a decoder that adds noise at every step."""
    clip = tiny_models.clip_tokenizer(folder / "prior_tokenizer", pad="<|endoftext|>")
    vision = CLIPVisionConfig(
        hidden_size=32, image_size=16, projection_dim=32, intermediate_size=37, num_attention_heads=4, patch_size=8
    )
    vision.num_hidden_layers = 1
    prior = PriorTransformer(num_attention_heads=2, attention_head_dim=12, embedding_dim=32, num_layers=1)
    prior.clip_std.data.fill_(1)
    unet = small_unet(
        in_channels=4,
        out_channels=8,
        addition_embed_type="image",
        encoder_hid_dim=32,
        encoder_hid_dim_type="image_proj",
        cross_attention_dim=16,
        resnet_time_scale_shift="scale_shift",
    )
    betas = {"beta_schedule": "linear", "beta_start": 0.00085, "beta_end": 0.012}
    text = CLIPTextModelWithProjection(tiny_models.text_config(clip, width=32, activation="gelu"))
    KandinskyV22CombinedPipeline(
        unet=unet,
        scheduler=DDPMScheduler(**betas, variance_type="learned_range", prediction_type="epsilon"),
        movq=vq(32, 32, latent_channels=4, norm_type="spatial"),
        prior_prior=prior.eval(),
        prior_image_encoder=CLIPVisionModelWithProjection(vision).eval(),
        prior_text_encoder=text.eval(),
        prior_tokenizer=clip,
        prior_scheduler=UnCLIPScheduler(prediction_type="sample", num_train_timesteps=1000, clip_sample_range=5.0),
        prior_image_processor=CLIPImageProcessor(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16}),
    ).save_pretrained(folder)
    return folder
