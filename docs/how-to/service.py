"""Draw with golden seeds: GOLDEN=golden.json MODEL=folder-or-hub-id uvicorn service:app"""

import io
import os
import threading
import time

from diffusers import DiffusionPipeline
from fastapi import FastAPI, HTTPException, Response

from seedscope import GoldenSeeds

golden = GoldenSeeds.load(os.environ["GOLDEN"])
pipe = DiffusionPipeline.from_pretrained(os.environ["MODEL"])
turn, one_at_a_time, wrong = golden.rotate(), threading.Lock(), []


def examine() -> None:
    with one_at_a_time:
        golden.check(pipe, **golden.call_kwargs(pipe))  # compares what is loaded with what drew the list
        golden.canary(pipe)  # draws, and compares with the small pictures in the list


def watch(seconds: float) -> None:
    while not wrong:
        time.sleep(seconds)
        try:
            examine()
        except Exception as error:  # noqa: BLE001  (whatever it is, this service is not well)
            wrong.append(str(error))


examine()  # at start: a GoldenMismatch ends the service before it draws anything
threading.Thread(target=watch, args=[float(os.environ.get("EVERY", "600"))], daemon=True).start()
app = FastAPI()


@app.get("/health")
def health() -> dict[str, list[int]]:
    if wrong:
        raise HTTPException(503, wrong[0])
    return {"golden": golden.seeds}


@app.get("/picture")
def picture(prompt: str) -> Response:
    health()
    with one_at_a_time:
        seed = next(turn)
        drawn = pipe(prompt, **golden.call_kwargs(pipe, seeds=[seed])).images[0]
    drawn.save(file := io.BytesIO(), "PNG")
    return Response(file.getvalue(), media_type="image/png", headers={"seed": str(seed)})
