"""`seedscope schema`: what a study file may hold, for editors."""

import json


def print_schema() -> None:
    """Print the JSON schema of study files, for editors.

    Example: seedscope schema > study.schema.json
    """
    from seedscope.pipeline.study.schema import Study

    print(json.dumps(Study.model_json_schema(), indent=1))
