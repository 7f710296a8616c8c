"""Segmentation and depth models in the published layouts, small enough to be written and run in a moment.

The weights are random, from a fixed seed and wide enough that outputs follow pictures and texts; the settings beside them
hold the published values, at smaller picture sizes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import transformers as tf
from tiny_clip import IMAGENET_MEAN, IMAGENET_STD, _words
from tiny_models import _tokenizer_files

COCO = {0: "person", 1: "cat", 2: "dog", 3: "traffic light", 4: "grass-merged", 5: "snow"}
ADE = {0: "wall", 1: "sky", 2: "tree", 3: "car;auto;automobile", 4: "animal", 5: "door"}
SIDE = 64
_TEXTS = ("a", "photo", "of", "cat", "dog", "red", "the", "in", "rain", "is", "task", "semantic", "on", ".")
_SWIN = {"embed_dim": 12, "depths": [1, 1, 1, 1], "num_heads": [1, 2, 2, 2], "window_size": 4, "image_size": SIDE}


def segformer(folder: Path, seed: int = 0, labels: Mapping[int, str] = ADE) -> Path:
    """Write nvidia/segformer-b0-finetuned-ade-512-512."""
    config = tf.SegformerConfig(
        hidden_sizes=[8, 16, 16, 24],
        depths=[1, 1, 1, 1],
        num_attention_heads=[1, 2, 2, 2],
        mlp_ratios=[2, 2, 2, 2],
        decoder_hidden_size=16,
        **_labelled(labels),
    )
    _save(folder, seed, lambda: tf.SegformerForSemanticSegmentation(config))
    return _processor(folder, "SegformerImageProcessor", do_reduce_labels=True, resample=2)


def mobilevit(folder: Path, seed: int = 0) -> Path:
    """Write apple/deeplabv3-mobilevit-xx-small: pictures are cropped to their middle."""
    config = tf.MobileViTConfig(
        image_size=SIDE,
        hidden_sizes=[16, 16, 16],
        neck_hidden_sizes=[8, 8, 8, 8, 8, 8, 16],
        num_attention_heads=2,
        aspp_out_channels=8,
        **_labelled(ADE),
    )
    _save(folder, seed, lambda: tf.MobileViTForSemanticSegmentation(config))
    settings = {"do_center_crop": True, "do_flip_channel_order": True, "do_normalize": False, "resample": 2}
    size = {"crop_size": {"height": SIDE // 2, "width": SIDE // 2}, "size": {"shortest_edge": SIDE}}
    return _processor(folder, "MobileViTImageProcessor", **settings, **size)


def mask2former(folder: Path, seed: int = 0) -> Path:
    """Write facebook/mask2former-swin-small-coco-panoptic."""
    backbone = tf.SwinConfig(**_SWIN, out_features=["stage1", "stage2", "stage3", "stage4"])
    config = tf.Mask2FormerConfig(
        backbone_config=backbone,
        feature_size=32,
        mask_feature_size=32,
        hidden_dim=32,
        encoder_feedforward_dim=32,
        dim_feedforward=32,
        encoder_layers=2,
        decoder_layers=3,
        num_attention_heads=2,
        num_queries=4,
        **_labelled(COCO),
    )
    _save(folder, seed, lambda: tf.Mask2FormerForUniversalSegmentation(config), spread=3.0)
    return _processor(folder, "Mask2FormerImageProcessor", ignore_index=255, size_divisor=32, do_reduce_labels=False)


def maskformer(folder: Path, seed: int = 0) -> Path:
    """Write facebook/maskformer-swin-tiny-coco."""
    config = tf.MaskFormerConfig(
        fpn_feature_size=32,
        mask_feature_size=32,
        backbone_config=tf.SwinConfig(**_SWIN, out_features=["stage1", "stage2", "stage3", "stage4"]),
        decoder_config=tf.DetrConfig(
            num_queries=4, d_model=32, decoder_layers=1, decoder_ffn_dim=32, decoder_attention_heads=2
        ),
        **_labelled(COCO),
    )
    _save(folder, seed, lambda: tf.MaskFormerForInstanceSegmentation(config), spread=3.0)
    return _processor(folder, "MaskFormerImageProcessor", ignore_index=255, size_divisor=32, do_reduce_labels=False)


def oneformer(folder: Path, seed: int = 0) -> Path:
    """Write shi-labs/oneformer_coco_swin_large: its processor names a list of classes that lies on the hub."""
    _tokenizer_files(folder, pad="<|endoftext|>")
    config = tf.OneFormerConfig(
        backbone_config=tf.SwinConfig(**_SWIN, out_features=["stage1", "stage2", "stage3", "stage4"]),
        num_queries=4,
        is_training=False,
        text_encoder_width=16,
        text_encoder_context_length=77,
        text_encoder_num_layers=1,
        text_encoder_vocab_size=_words(),
        conv_dim=32,
        mask_dim=32,
        hidden_dim=32,
        encoder_feedforward_dim=32,
        encoder_layers=1,
        decoder_layers=2,
        dim_feedforward=32,
        num_attention_heads=2,
        **_labelled(COCO),
    )
    _save(folder, seed, lambda: tf.OneFormerForUniversalSegmentation(config), spread=3.0)
    classes = {"class_info_file": "coco_panoptic.json", "repo_path": "shi-labs/oneformer_demo", "num_text": 10}
    return _processor(folder, "OneFormerImageProcessor", ignore_index=255, do_reduce_labels=False, **classes)


def clipseg(folder: Path, seed: int = 0) -> Path:
    """Write CIDAS/clipseg-rd64-refined."""
    _tokenizer_files(folder, pad="<|endoftext|>")
    both = {"intermediate_size": 32, "num_hidden_layers": 4, "num_attention_heads": 2}
    special = {"bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 1}
    config = tf.CLIPSegConfig(
        text_config=both | special | {"hidden_size": 16, "vocab_size": _words(), "projection_dim": 16},
        vision_config=both | {"hidden_size": 16, "image_size": SIDE, "patch_size": 8, "projection_dim": 16},
        projection_dim=16,
        extract_layers=[0, 1, 2],
        reduce_dim=16,
        decoder_num_attention_heads=2,
        decoder_intermediate_size=32,
    )
    _save(folder, seed, lambda: tf.CLIPSegForImageSegmentation(config))
    settings = {"feature_extractor_type": "ViTFeatureExtractor", "processor_class": "CLIPSegProcessor", "resample": 2}
    return _processor(folder, "ViTImageProcessor", **settings)


def grounding_dino(folder: Path, seed: int = 0) -> Path:
    """Write IDEA-Research/grounding-dino-tiny."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "?", *_TEXTS]
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    tokenizer: Any = tf.BertTokenizer(str(folder / "vocab.txt"), model_max_length=512)
    tokenizer.save_pretrained(folder)
    config = tf.GroundingDinoConfig(
        backbone_config=tf.SwinConfig(**_SWIN, out_indices=[2, 3, 4]),
        text_config=tf.BertConfig(
            vocab_size=len(vocabulary),
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
        ),
        num_queries=10,
        encoder_layers=1,
        decoder_layers=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        d_model=32,
        max_text_len=32,
    )
    _save(folder, seed, lambda: tf.GroundingDinoForObjectDetection(config))
    size = {"size": {"shortest_edge": 96, "longest_edge": 160}}  # so that its smallest map has more than one place
    return _processor(folder, "GroundingDinoImageProcessor", do_pad=True, format="coco_detection", **size)


def sam(folder: Path, seed: int = 0) -> Path:
    """Write facebook/sam-vit-base."""
    config = tf.SamConfig(
        vision_config={
            "hidden_size": 16,
            "output_channels": 16,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": SIDE,
            "patch_size": 8,
            "window_size": 4,
            "global_attn_indexes": [1],
            "mlp_dim": 32,
            "num_pos_feats": 8,
        },
        prompt_encoder_config={"hidden_size": 16, "image_size": SIDE, "patch_size": 8, "mask_input_channels": 4},
        mask_decoder_config={
            "hidden_size": 16,
            "mlp_dim": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "iou_head_hidden_dim": 16,
        },
    )
    _save(folder, seed, lambda: tf.SamModel(config))
    size = {"size": {"longest_edge": SIDE}, "pad_size": {"height": SIDE, "width": SIDE}, "do_pad": True}
    return _processor(folder, "SamImageProcessor", processor_class="SamProcessor", **size)


def dpt(folder: Path, seed: int = 0, *, add_projection: bool = False) -> Path:
    """Write Intel/dpt-large; with `add_projection`, the metric head of facebook/dpt-dinov2-*-nyu."""
    config = tf.DPTConfig(
        hidden_size=16,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=32,
        image_size=SIDE,
        patch_size=16,
        is_hybrid=False,
        backbone_out_indices=[0, 1, 2, 3],
        neck_hidden_sizes=[8, 8, 16, 16],
        fusion_hidden_size=16,
        use_auxiliary_head=False,
        add_projection=add_projection,
    )
    _save(folder, seed, lambda: tf.DPTForDepthEstimation(config), _lift)
    return _processor(folder, "DPTImageProcessor", mean=[0.5] * 3, std=[0.5] * 3, ensure_multiple_of=32)


def depth_anything(folder: Path, seed: int = 0, *, metric: bool = False) -> Path:
    """Write depth-anything/Depth-Anything-V2-Small-hf, or its metric sister."""
    features = {"out_features": ["stage1", "stage2", "stage3", "stage4"], "reshape_hidden_states": False}
    backbone = tf.Dinov2Config(
        hidden_size=16,
        num_hidden_layers=4,
        num_attention_heads=2,
        mlp_ratio=2,
        image_size=70,
        patch_size=14,
        **features,
    )
    config = tf.DepthAnythingConfig(
        backbone_config=backbone,
        patch_size=14,
        reassemble_hidden_size=16,
        neck_hidden_sizes=[8, 8, 16, 16],
        fusion_hidden_size=8,
        head_hidden_size=8,
        depth_estimation_type="metric" if metric else "relative",
        max_depth=20 if metric else 1,
    )
    _save(folder, seed, lambda: tf.DepthAnythingForDepthEstimation(config))
    size = {"size": {"height": 70, "width": 70}, "ensure_multiple_of": 14, "keep_aspect_ratio": True}
    return _processor(folder, "DPTImageProcessor", **size)


def glpn(folder: Path, seed: int = 0) -> Path:
    """Write vinvino02/glpn-nyu."""
    config = tf.GLPNConfig(
        hidden_sizes=[8, 16, 16, 24],
        depths=[1, 1, 1, 1],
        num_attention_heads=[1, 2, 2, 2],
        mlp_ratios=[2, 2, 2, 2],
        decoder_hidden_size=8,
    )
    _save(folder, seed, lambda: tf.GLPNForDepthEstimation(config))
    settings = {"do_rescale": True, "do_resize": True, "resample": 2, "size_divisor": 32}
    file = folder / "preprocessor_config.json"
    file.write_text(json.dumps(settings | {"image_processor_type": "GLPNImageProcessor"}))
    return folder


def zoedepth(folder: Path, seed: int = 0) -> Path:
    """Write Intel/zoedepth-nyu: pictures are padded, and depth is cut to them."""
    features = {"out_features": ["stage1", "stage2", "stage3", "stage4"], "reshape_hidden_states": False}
    backbone = tf.BeitConfig(
        hidden_size=16,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=32,
        image_size=SIDE,
        patch_size=16,
        use_relative_position_bias=True,
        **features,
    )
    config = tf.ZoeDepthConfig(
        backbone_config=backbone,
        neck_hidden_sizes=[8, 8, 16, 16],
        fusion_hidden_size=16,
        bottleneck_features=16,
        num_relative_features=8,
        bin_embedding_dim=8,
        num_attractors=[4, 2, 2, 1],
        bin_configurations=[{"n_bins": 8, "min_depth": 0.001, "max_depth": 10.0, "name": "nyu"}],
    )
    _save(folder, seed, lambda: tf.ZoeDepthForDepthEstimation(config))
    settings = {"do_pad": True, "ensure_multiple_of": 32, "keep_aspect_ratio": True}
    return _processor(folder, "ZoeDepthImageProcessor", mean=[0.5] * 3, std=[0.5] * 3, **settings)


def _labelled(labels: Mapping[int, str]) -> dict[str, Any]:
    return {"id2label": dict(labels), "label2id": {label: index for index, label in labels.items()}}


def _lift(network: Any) -> None:
    """Bring the depths of a DPT above zero, below which it cuts them: pixels that are all zero have no order, and the rank of
    one that rounding moves across zero would change by half of theirs.
    """
    last = network.head.head[-2]
    last.weight.mul_(0.01)
    last.bias.fill_(10.0)


def _save(
    folder: Path,
    seed: int,
    build: Callable[[], Any],
    adjust: Callable[[Any], None] = lambda network: None,
    *,
    spread: float = 1.5,
) -> None:
    """Write config.json and model.safetensors of a network with random weights that keep signals alive, or raise them."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build().eval()
        with torch.no_grad():
            for name, parameter in network.named_parameters():
                if parameter.dim() > 1 and "bbox" not in name:
                    parameter.normal_(std=spread / parameter[0].numel() ** 0.5)
            adjust(network)
    network.save_pretrained(folder)


def _processor(
    folder: Path, kind: str, *, mean: list[float] = IMAGENET_MEAN, std: list[float] = IMAGENET_STD, **settings: Any
) -> Path:
    """Write preprocessor_config.json: ImageNet's mean and deviation, pictures of 64 x 64 unless `settings` differ."""
    common = {
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": mean,
        "image_processor_type": kind,
        "image_std": std,
        "rescale_factor": 1 / 255,
        "size": {"height": SIDE, "width": SIDE},
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(common | settings))
    return folder
