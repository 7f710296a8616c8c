"""Write sprout's reference set: held-out renders that stand for real pictures.

    python -m seedscope.jobs.sprout.reference --out pipeline/sprout/reference/reference.parquet

The scenes' seeds are never used in training, and the held-out object x attribute combinations occur at their natural
rate.
"""

import argparse
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from seedscope.jobs.sprout import world
from seedscope.pipeline.images import IMAGE, encode, schema_with_images

ROW_GROUP = 128
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


def reference_table(count: int) -> pa.Table:
    """The first `count` scenes of the held-out seeds with their truth; lengths are shares of the picture's side."""
    scenes = (world.render(world.REFERENCE_SEEDS + i) for i in range(count))
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("pipeline/sprout/reference/reference.parquet"))
    parser.add_argument("--count", type=int, default=1024, help="how many scenes")
    options = parser.parse_args()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    scratch = options.out.with_suffix(".partial")
    pq.write_table(
        reference_table(options.count),
        scratch,
        row_group_size=ROW_GROUP,
        compression={"image.bytes": "none", "image.path": "zstd", **dict.fromkeys(SCHEMA.names[1:], "zstd")},
        use_dictionary=["caption", "object"],
        write_page_index=True,
        write_page_checksum=True,
    )
    scratch.replace(options.out)
    print(f"{options.out}: {options.count} scenes, {options.out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
