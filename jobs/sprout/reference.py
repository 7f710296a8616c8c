"""Write sprout's reference set, held-out renders that stand for real pictures, and its pictures to inpaint.

    python -m seedscope.jobs.sprout.reference --out pipeline/sprout/reference

The scenes' seeds are never used in training, and the held-out object x attribute combinations occur at their natural
rate. The pictures to inpaint, from scenes of their own, come with a mask over their object: by turns its outline
and the box around it, both grown by 4 pixels. No printed word comes near a mask, and the objects take turns.
"""

import argparse
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from seedscope.jobs.sprout import world
from seedscope.jobs.sprout.inpaint_masks import box_around, grown
from seedscope.pipeline.drawing.tasks.inpainting import encode_mask
from seedscope.pipeline.images import encode
from seedscope.pipeline.tables.image_column import IMAGE, schema_with_images

ROW_GROUP = 128
FIRST_TO_INPAINT = world.REFERENCE_SEEDS + (7 << 20)
MARGIN = 4  # pixels between the object and the mask's edge
SCHEMA = schema_with_images(
    [
        pa.field("image", IMAGE),
        pa.field("caption", pa.string()),
        pa.field("object", pa.string()),
        pa.field("centroid_x", pa.float32()),
        pa.field("centroid_y", pa.float32()),
        pa.field("size", pa.float32()),
        pa.field("has_text", pa.bool_()),
        pa.field("greyscale", pa.bool_()),
        pa.field("border", pa.bool_()),
    ]
)
INPAINT_SCHEMA = schema_with_images(
    [
        pa.field("name", pa.string()),
        pa.field("image", IMAGE),
        pa.field("mask", IMAGE),
        pa.field("object", pa.string()),
        pa.field("has_text", pa.bool_()),
    ]
)


def reference_table(scene_count: int) -> pa.Table:
    """The first `scene_count` scenes of the held-out seeds with their truth; lengths are shares of the picture's side."""
    scenes = (world.render(world.REFERENCE_SEEDS + i) for i in range(scene_count))
    rows = [
        {
            "image": {"bytes": encode(scene.pixels), "path": f"{i:05d}.webp"},
            "caption": scene.caption,
            "object": scene.object,
            "centroid_x": scene.centroid[0],
            "centroid_y": scene.centroid[1],
            "size": scene.size,
            "has_text": scene.word is not None,
            "greyscale": scene.greyscale,
            "border": scene.border,
        }
        for i, scene in enumerate(scenes)
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def inpaint_table(scene_count: int) -> pa.Table:
    """`scene_count` held-out scenes, each with a mask over its object, white where it is to be drawn anew."""
    rows = []
    for i, (scene, mask) in enumerate(islice(_masked_scenes(), scene_count)):
        name = f"{i:02d}-{scene.object}".replace(" ", "-")
        row = {"name": name, "object": scene.object, "has_text": scene.word is not None}
        image = {"bytes": encode(scene.pixels), "path": f"{name}.webp"}
        rows.append(row | {"image": image, "mask": {"bytes": encode_mask(mask), "path": f"{name}.mask.png"}})
    return pa.Table.from_pylist(rows, schema=INPAINT_SCHEMA)


def _masked_scenes() -> Iterator[tuple[world.Scene, world.Mask]]:
    objects, kept = tuple(world.OBJECTS), 0
    for seed in count(FIRST_TO_INPAINT):
        scene = world.render(seed, object_name=objects[kept % len(objects)])
        mask = box_around(scene.mask, (MARGIN,) * 4) if kept % 2 else grown(scene.mask, MARGIN)
        if not (mask & grown(scene.layers == world.WORD, MARGIN)).any():
            kept += 1
            yield scene, mask


def write(table: pa.Table, path: Path) -> None:
    """Write a Parquet file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".partial")
    pictures = [field.name for field in table.schema if field.type == IMAGE]
    plain = [name for name in table.schema.names if name not in pictures]
    pq.write_table(
        table,
        scratch,
        row_group_size=ROW_GROUP,
        compression={f"{name}.bytes": "none" for name in pictures}
        | {f"{name}.path": "zstd" for name in pictures}
        | dict.fromkeys(plain, "zstd"),
        use_dictionary=[name for name in ("caption", "object") if name in plain],
        write_page_index=True,
        write_page_checksum=True,
    )
    scratch.replace(path)
    print(f"{path}: {table.num_rows} scenes, {path.stat().st_size / 1e6:.2f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("pipeline/sprout/reference"), help="a folder")
    parser.add_argument("--count", type=int, default=1024, help="how many scenes of reference")
    parser.add_argument("--inpaint", type=int, default=64, help="how many scenes to inpaint")
    options = parser.parse_args()
    write(reference_table(options.count), options.out / "reference.parquet")
    write(inpaint_table(options.inpaint), options.out / "inpaint.parquet")


if __name__ == "__main__":
    main()
