"""A run as other programs take it: to draw its seeds, or to look at its pictures. A new one is a file, and its line here."""

from seedscope.analysis.exports.a1111 import a1111
from seedscope.analysis.exports.comfyui import comfyui
from seedscope.analysis.exports.evalscope import evalscope
from seedscope.analysis.exports.fiftyone import fiftyone
from seedscope.analysis.exports.geneval import geneval
from seedscope.analysis.exports.invokeai import invokeai
from seedscope.analysis.exports.latents import latents
from seedscope.analysis.exports.swarmui import swarmui
from seedscope.analysis.exports.written import Tool

TOOLS: dict[str, Tool] = {
    "comfyui": comfyui,
    "a1111": a1111,
    "forge": a1111,
    "invokeai": invokeai,
    "swarmui": swarmui,
    "fiftyone": fiftyone,
    "evalscope": evalscope,
    "geneval": geneval,
    "latents": latents,
}
"""Name -> what exports to it."""
